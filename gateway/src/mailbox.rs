//! What other threads want of a shard: a queue bounded in bytes, one wake a batch.
//!
//! Publications are charged here until the shard has written or queued them for every
//! receiver, so that a shard that is behind pushes back on publishers. A publisher
//! reserves room in all shards concerned before any of them is filled.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use roomcast_core::publication::Admission;
use tokio::sync::Notify;

use crate::mail::Mail;

/// A shard's mailbox, shared with every thread.
#[derive(Debug)]
pub struct Mailbox {
    queue: Mutex<VecDeque<Mail>>,
    bytes: AtomicUsize,
    bytes_max: usize,
    wake: Notify,
}

/// The mailbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Mailbox {
    /// An empty mailbox of at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        let queue = Mutex::new(VecDeque::new());
        Arc::new(Self { queue, bytes: AtomicUsize::new(0), bytes_max, wake: Notify::new() })
    }

    /// Adds a mail and charges `bytes` for it, unless that is more than the box holds.
    pub fn post(&self, mail: Mail, bytes: usize) -> Result<(), Full> {
        self.charge(bytes)?;
        self.put(mail);
        Ok(())
    }

    /// Adds a mail for which room was reserved, or that must not be lost: charged, never refused.
    pub fn post_admitted(&self, mail: Mail, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.put(mail);
    }

    fn put(&self, mail: Mail) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(mail);
        self.wake.notify_one();
    }

    fn charge(&self, bytes: usize) -> Result<(), Full> {
        let room = |held: usize| (held == 0 || held + bytes <= self.bytes_max).then_some(held + bytes);
        self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).map(|_| ()).map_err(|_| Full)
    }

    /// Gives charged bytes back: the shard has dealt with them.
    pub fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes charged now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Swaps the queue against `empty`; called by the shard alone.
    pub fn take(&self, empty: &mut VecDeque<Mail>) {
        std::mem::swap(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner), empty);
    }

    /// Resolves when mail has come since the last [`Mailbox::take`].
    pub async fn ready(&self) {
        self.wake.notified().await;
    }
}

/// Reserves `bytes` in every mailbox of `mask`, or in none of them.
///
/// For a moment the bytes count twice: until [`Admission::give_back`] once the mail has arrived.
pub fn reserve(mailboxes: &[Arc<Mailbox>], mask: u64, bytes: usize) -> Result<Admission, Full> {
    let mut held = Reservation { bytes, mailboxes: Vec::new() };
    for (index, mailbox) in mailboxes.iter().enumerate() {
        if mask & (1 << index) != 0 {
            mailbox.charge(bytes)?;
            held.mailboxes.push(Arc::clone(mailbox));
        }
    }
    Ok(Admission::new(held))
}

struct Reservation {
    bytes: usize,
    mailboxes: Vec<Arc<Mailbox>>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for mailbox in &self.mailboxes {
            mailbox.release(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reservation_holds_room_in_all_or_none() {
        let boxes = [Mailbox::new(100), Mailbox::new(100)];
        let first = reserve(&boxes, 0b11, 60).expect("fits");
        assert_eq!(reserve(&boxes, 0b11, 60).err(), Some(Full));
        assert_eq!((boxes[0].bytes(), boxes[1].bytes()), (60, 60));
        first.give_back();
        assert_eq!((boxes[0].bytes(), boxes[1].bytes()), (0, 0));
        drop(first);
        assert_eq!((boxes[0].bytes(), boxes[1].bytes()), (0, 0));
        let second = reserve(&boxes, 0b10, 60).expect("fits");
        assert_eq!(reserve(&boxes, 0b11, 60).err(), Some(Full));
        assert_eq!((boxes[0].bytes(), boxes[1].bytes()), (0, 60));
        drop(second);
    }

    #[test]
    fn an_empty_mailbox_takes_any_one_mail() {
        let mailbox = Mailbox::new(10);
        assert_eq!(mailbox.post(Mail::Stop, 1000), Ok(()));
        assert_eq!(mailbox.post(Mail::Stop, 1), Err(Full));
        let mut taken = VecDeque::new();
        mailbox.take(&mut taken);
        assert_eq!(taken.len(), 1);
        mailbox.release(1000);
        assert_eq!(mailbox.post(Mail::Stop, 1), Ok(()));
    }
}
