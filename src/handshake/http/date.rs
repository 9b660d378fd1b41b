//! `Date`, which a server that knows the time of day writes (RFC 9110 §6.6.1).

use alloc::{format, string::String};
use core::time::Duration;

/// Returns a time in the format of the `Date` field (RFC 9110 §5.6.7), given what has passed since the
/// beginning of 1970 in UTC. `None` after the year 9999, which has no four digits.
///
/// ```
/// use core::time::Duration;
/// use framewise::handshake::http_date;
///
/// let date = http_date(Duration::from_secs(784_111_777));
/// assert_eq!(date.as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
/// ```
pub fn http_date(since_1970: Duration) -> Option<String> {
    let seconds = since_1970.as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin with March have their leap day at the end, and months of 31, 30, 31, 30, 31
    // days again and again. Years repeat after 400, and those begin with March of the year 0.
    let (cycles, day) = ((days + 719_468) / 146_097, (days + 719_468) % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = 400 * cycles + year + u64::from(month >= 10);
    if year > 9999 {
        return None;
    }
    let name = |names: &[&'static str], n: u64| names.get(usize::try_from(n).ok()?).copied();
    let (weekday, month) = (name(&WEEKDAYS, days % 7)?, name(&MONTHS, month)?);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT"))
}

/// The first day of 1970 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

const MONTHS: [&str; 12] =
    ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];

#[cfg(test)]
mod tests {
    use super::*;

    // 9110-6.6.1-01
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (784_887_151, "Tue, 15 Nov 1994 08:12:31 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(http_date(Duration::from_secs(seconds)).as_deref(), Some(date));
        }
        assert_eq!(http_date(Duration::from_secs(253_402_300_800)), None);
    }
}
