//! Instants as JavaScript writes them.

const DAY_MS: i64 = 86_400_000;
/// The farthest instant that a JavaScript `Date` can be, before and after 1970.
const DATE_MS_MAX: i64 = 8_640_000_000_000_000;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// An instant in the calendar, in UTC.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    weekday: i64,
    ms: i64,
}

impl Civil {
    /// `None` for what is no date in JavaScript.
    fn new(ms: i64) -> Option<Self> {
        if !(-DATE_MS_MAX..=DATE_MS_MAX).contains(&ms) {
            return None;
        }
        let days = ms.div_euclid(DAY_MS);
        // Years here begin in March, so that the day that comes and goes is their last one;
        // 400 of them are always as long.
        let since = days + 719_468;
        let era = since.div_euclid(146_097);
        let day_of_era = since.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Some(Self { year, month, day, weekday: days.rem_euclid(7), ms: ms.rem_euclid(DAY_MS) })
    }

    fn time(&self) -> String {
        let seconds = self.ms / 1_000;
        format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }
}

/// `date.toISOString()`; `None` where that throws, and JSON says `null`.
pub(super) fn iso(ms: i64) -> Option<String> {
    let civil = Civil::new(ms)?;
    let year = match civil.year {
        year @ 0..=9_999 => format!("{year:04}"),
        year => format!("{year:+07}"),
    };
    Some(format!("{year}-{:02}-{:02}T{}.{:03}Z", civil.month, civil.day, civil.time(), civil.ms % 1_000))
}

/// `date.toString()` of a server in UTC.
pub(super) fn text(ms: u64) -> String {
    let Some(civil) = i64::try_from(ms).ok().and_then(Civil::new) else {
        return "Invalid Date".to_owned();
    };
    let name = |names: &[&'static str], index: i64| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or_default()
    };
    format!(
        "{} {} {:02} {:04} {} GMT+0000 (Coordinated Universal Time)",
        name(&DAYS, civil.weekday),
        name(&MONTHS, civil.month - 1),
        civil.day,
        civil.year,
        civil.time()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_javascript_does() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (DATE_MS_MAX, "+275760-09-13T00:00:00.000Z"),
            (-DATE_MS_MAX, "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_eq!(iso(ms).as_deref(), Some(expected));
        }
        assert_eq!((iso(DATE_MS_MAX + 1), iso(i64::MIN)), (None, None));
        assert_eq!(text(1_795_421_154_188), "Mon Nov 23 2026 08:05:54 GMT+0000 (Coordinated Universal Time)");
        assert_eq!(text(u64::MAX), "Invalid Date");
    }
}
