//! `opts`: the rooms, those that are excepted, and the flags of a broadcast.

use std::time::Duration;

use roomcast_core::publication::{Audience, Class, Publication};
use roomcast_core::room::Room;

use super::Unreadable;
use super::extras::{self, Extras};
use super::item::{Fields, Item};
use super::part::Part;

/// `opts` that came.
#[derive(Debug)]
pub(super) struct Opts {
    /// `None`: nobody. Rooms were named, and none of them can exist here.
    pub(super) audience: Option<Audience>,
    pub(super) flags: Flags,
}

/// Flags that are read.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) volatile: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) extras: Extras,
}

impl Flags {
    /// Puts them where they belong.
    pub(super) fn apply(self, publication: &mut Publication) {
        if self.volatile {
            publication.class = Class::Volatile;
        }
        self.extras.apply(publication);
    }
}

/// Reads `opts`. Third-party emitters leave members out, or send an empty array where an object is due.
pub(super) fn read(item: Option<Item<'_>>) -> Result<Opts, Unreadable> {
    let item = item.ok_or(Unreadable::Malformed)?;
    let everything = item.is_list() && item.is_empty();
    let mut fields = match item.fields() {
        Some(fields) => fields,
        None if everything => return Ok(Opts { audience: Some(Audience::everybody()), flags: Flags::default() }),
        None => return Err(Unreadable::Malformed),
    };
    let mut flags = fields.fields("flags");
    let flags = Flags {
        volatile: flags.take("volatile").is_some_and(|flag| flag.is_true()),
        timeout: flags.integer("timeout").map(Duration::from_millis),
        extras: extras::read(flags.take(extras::NAME)),
    };
    Ok(Opts { audience: audience(&mut fields)?, flags })
}

/// Reads `rooms` and `except`; `None` is nobody, never everybody.
pub(super) fn audience(fields: &mut Fields<'_>) -> Result<Option<Audience>, Unreadable> {
    let rooms = rooms(fields.take("rooms"))?;
    // Names that cannot exist here have no members to except.
    let except = self::rooms(fields.take("except"))?.unwrap_or_default();
    Ok(rooms.map(|rooms| Audience { rooms, except }))
}

/// Reads a list of rooms; `None` if it names some and none of them can exist here.
pub(super) fn rooms(item: Option<Item<'_>>) -> Result<Option<Vec<Room>>, Unreadable> {
    let Some(item) = item.filter(|item| !item.is_empty()) else {
        return Ok(Some(Vec::new()));
    };
    let names = match item.name() {
        Some(name) => vec![name],
        None => item.list().ok_or(Unreadable::Malformed)?.iter().filter_map(Item::name).collect(),
    };
    let rooms: Vec<Room> = names.iter().filter_map(|name| Room::new(name).ok()).collect();
    Ok(Some(rooms).filter(|rooms| !rooms.is_empty()))
}

/// `opts` of a publication, as stock writes them and with what only gateways read.
pub(super) fn of_publication(publication: &Publication) -> Part<'_> {
    let mut flags = volatile(publication);
    if let Some(extras) = extras::of(publication) {
        flags = flags.with(extras::NAME, extras);
    }
    of(&publication.audience).with("flags", flags)
}

/// `opts` of a broadcast with acknowledgements: stock alone reads them.
pub(super) fn with_timeout(publication: &Publication, timeout: Duration) -> Part<'_> {
    let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    of(&publication.audience).with("flags", volatile(publication).with("timeout", Part::Number(timeout)))
}

fn volatile(publication: &Publication) -> Part<'_> {
    let flags = Part::Map(Vec::new());
    if publication.class == Class::Volatile { flags.with("volatile", Part::Bool(true)) } else { flags }
}

/// `opts` without flags.
pub(super) fn of(audience: &Audience) -> Part<'_> {
    Part::Map(vec![("rooms", Part::rooms(&audience.rooms)), ("except", Part::rooms(&audience.except))])
}
