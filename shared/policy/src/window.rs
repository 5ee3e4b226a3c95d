//! Maintenance windows: when remedies may change something. Outside them an act waits; whatever begins or tells goes on.
//!
//! All times are UTC, which no change of clocks moves. A window begins on one of its days and may reach into the next. What
//! somebody created who may not, undoing and people's holds wait for no window: who leaves a stolen key to work until the
//! weekend has gained nothing by calm.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::check::{Found, known_class};
use crate::class::{Class, ClassName};
use crate::document::{Document, WindowEntry};
use crate::policy::Policy;
use crate::remedy::names;

/// The shortest window. The schedule takes up once an hour what waits for a window, and must not miss it.
pub const SHORTEST_WINDOW: SignedDuration = SignedDuration::from_hours(2);

/// The end of a day, as `to` is written.
const END_OF_DAY: &str = "24:00";

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// How many days ahead a window begins at the latest that begins at all.
const DAYS_OF_A_WEEK: i32 = 7;

names! {
    /// A day of the week.
    Weekday {
        /// The first working day of most.
        Monday = "monday",
        /// The second.
        Tuesday = "tuesday",
        /// The third.
        Wednesday = "wednesday",
        /// The fourth.
        Thursday = "thursday",
        /// The fifth.
        Friday = "friday",
        /// The day before Sunday.
        Saturday = "saturday",
        /// The day before Monday.
        Sunday = "sunday",
    }
}

impl Weekday {
    fn of(date: Date) -> Self {
        match date.weekday() {
            jiff::civil::Weekday::Monday => Self::Monday,
            jiff::civil::Weekday::Tuesday => Self::Tuesday,
            jiff::civil::Weekday::Wednesday => Self::Wednesday,
            jiff::civil::Weekday::Thursday => Self::Thursday,
            jiff::civil::Weekday::Friday => Self::Friday,
            jiff::civil::Weekday::Saturday => Self::Saturday,
            jiff::civil::Weekday::Sunday => Self::Sunday,
        }
    }
}

/// Times at which remedies may change something, week after week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// INVARIANT (it opens): there is a day, and it is open for [`SHORTEST_WINDOW`] at least.
    days: BTreeSet<Weekday>,
    from: Time,
    lasts: SignedDuration,
    /// For which classes; `None`: for all.
    classes: Option<BTreeSet<ClassName>>,
}

/// Whether remedies may change something now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// They may.
    Open,
    /// They may not before `opens`.
    Closed {
        /// The first instant of the next window.
        opens: Timestamp,
    },
}

impl Policy {
    /// Whether remedies may change something of users of `class` at `now`. They always may where the policy names no windows.
    pub fn opening(&self, class: &ClassName, now: Timestamp) -> Opening {
        let mine = self.windows.iter().filter(|window| window.is_for(class));
        let turns: Vec<_> = mine.flat_map(|window| window.turns(now)).collect();
        if turns.iter().any(|(opens, closes)| *opens <= now && now < *closes) {
            return Opening::Open;
        }
        match turns.into_iter().map(|(opens, _)| opens).filter(|opens| now < *opens).min() {
            Some(opens) => Opening::Closed { opens },
            None => Opening::Open,
        }
    }
}

impl Window {
    fn is_for(&self, class: &ClassName) -> bool {
        self.classes.as_ref().is_none_or(|classes| classes.contains(class))
    }

    /// When it opens and closes, from the turn that may have begun yesterday to the next one after `now`.
    fn turns(&self, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let today = TimeZone::UTC.to_datetime(now).date();
        let days = (-1..=DAYS_OF_A_WEEK).filter_map(|ahead| today.checked_add(ahead.days()).ok());
        let begins = days.filter(|day| self.days.contains(&Weekday::of(*day))).filter_map(|day| {
            let opens = TimeZone::UTC.to_timestamp(day.to_datetime(self.from)).ok()?;
            Some((opens, opens.checked_add(self.lasts).ok()?))
        });
        begins.collect()
    }
}

/// Checks what the document says of windows.
pub(crate) fn check(document: &Document, classes: &[Class], found: &mut Found) -> Vec<Window> {
    let Some(entries) = &document.windows else { return Vec::new() };
    let checked = entries.iter().enumerate().map(|(number, entry)| window(number, entry, classes, found));
    let checked: Vec<_> = checked.collect();
    for class in classes {
        let names_it = |entry: &WindowEntry| entry.classes.as_ref().is_none_or(|all| all.contains(&class.name.0));
        if !entries.iter().any(names_it) {
            found.add(
                "windows",
                format!("none is for class `{}`, so that nothing would ever be done about its users", class.name),
                "add a window that names it, or one without `classes`; leave `windows` out if remedies may act at any time",
            );
        }
    }
    checked.into_iter().flatten().collect()
}

fn window(number: usize, entry: &WindowEntry, classes: &[Class], found: &mut Found) -> Option<Window> {
    let place = format!("windows[{number}]");
    let before = found.0.len();
    let WindowEntry { days, from, to, classes: named } = entry;
    let mut on = BTreeSet::new();
    for (number, day) in days.iter().flatten().enumerate() {
        match day.parse() {
            Ok(day) => drop(on.insert(day)),
            Err(error) => {
                let error: crate::remedy::UnknownName = error;
                found.add(format!("{place}.days[{number}]"), error.to_string(), "correct the day");
            }
        }
    }
    if days.is_none() {
        on.extend(Weekday::ALL);
    } else if days.as_ref().is_some_and(Vec::is_empty) {
        found.add(format!("{place}.days"), "no day, so that it never opens", "name a day, or leave `days` out for all");
    }
    for (number, class) in named.iter().flatten().enumerate() {
        let place = format!("{place}.classes[{number}]");
        if class == crate::check::DEFAULT_CLASS {
            found.add(place, "no class has this name", "leave `classes` out for all classes");
        } else {
            known_class(&place, class, classes, found);
        }
    }
    if named.as_ref().is_some_and(Vec::is_empty) {
        let what = "no class, so that it opens for nobody";
        found.add(format!("{place}.classes"), what, "name a class, or leave `classes` out for all");
    }
    let from = time(&format!("{place}.from"), from.as_deref().unwrap_or("00:00"), found);
    let to = match to.as_deref() {
        None | Some(END_OF_DAY) => Some(Time::midnight()),
        Some(text) => time(&format!("{place}.to"), text, found),
    };
    let (from, to) = (from?, to?);
    let is_end_of_day = entry.to.as_deref().is_none_or(|text| text == END_OF_DAY);
    let lasts = match from.duration_until(to) {
        lasts if lasts.is_zero() && !is_end_of_day => lasts,
        lasts if lasts.is_positive() => lasts,
        lasts => lasts.checked_add(DAY)?,
    };
    if lasts.is_zero() {
        found.add(format!("{place}.to"), "the same as `from`, so that it never opens", "choose another time");
    } else if lasts < SHORTEST_WINDOW {
        let shortest = SHORTEST_WINDOW.as_hours();
        let what = format!("it is open for less than {shortest} hours, and what comes once an hour could miss it");
        found.add(format!("{place}.to"), what, "choose a later time");
    }
    let named = named.as_ref().map(|named| named.iter().cloned().map(ClassName).collect());
    (found.0.len() == before).then_some(Window { days: on, from, lasts, classes: named })
}

/// A time of day, such as `22:00`.
fn time(place: &str, text: &str, found: &mut Found) -> Option<Time> {
    let is_number = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.split_once(':').filter(|(hour, minute)| is_number(hour) && is_number(minute));
    let parsed = parsed.and_then(|(hour, minute)| Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok());
    if parsed.is_none() {
        found.add(place, format!("`{text}` is no time of day"), "write it like `22:00`, in UTC");
    }
    parsed
}
