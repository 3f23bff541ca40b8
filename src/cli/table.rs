//! Columns for people.

use super::exit::CliError;
use super::output::{Output, Tone};
use serde_json::Value;

/// Prints rows under headings, each column as wide as its widest cell.
pub(super) fn table(output: &mut Output, headings: &[&str], rows: &[Vec<String>]) -> Result<(), CliError> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let joined = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ")
    };
    output.toned(Tone::Dim, &joined(&mut headings.iter().copied()))?;
    rows.iter().try_for_each(|row| output.line(&joined(&mut row.iter().map(String::as_str))))
}

/// Prints names and values, one pair a line.
pub(super) fn pairs(output: &mut Output, pairs: &[(&str, String)]) -> Result<(), CliError> {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let told = pairs.iter().filter(|(_, value)| !value.is_empty());
    told.into_iter().try_for_each(|(name, value)| output.line(&format!("{name:<width$}  {value}")))
}

/// A member as people read it: a text without quotes, a list with commas, nothing for what is not there.
pub(super) fn cell(value: &Value, name: &str) -> String {
    value.get(name).map(plain).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// A number with its thousands apart, as `50 112`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let apart = |(at, digit): (usize, char)| {
        let is_first_of_three = at > 0 && digits.len().saturating_sub(at).is_multiple_of(3);
        is_first_of_three.then_some(' ').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(apart).collect()
}

/// At most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// A length of time as people say it: `+1 ms`, `+7.766 s`, `+25 m 33 s`, `+1 h`, `+3 d 4 h`.
pub(super) fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{:03} s", millis % 1000),
        60..3600 => two(seconds / 60, "m", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds % 3600 / 60, "m"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// Path and query of an API address, everything in it encoded.
pub(super) fn target(segments: &[&str], query: &[(&str, &str)]) -> String {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20");
    let path: String = segments.iter().map(|segment| format!("/{}", encode(segment))).collect();
    let query = query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&");
    format!("/admin/v1{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        let cases = [(0, "0"), (999, "999"), (1000, "1 000"), (50_112, "50 112"), (1_234_567, "1 234 567")];
        assert!(cases.iter().all(|(number, text)| grouped(*number) == *text));
    }

    #[test]
    fn a_length_of_time_has_two_units_at_most() {
        for (millis, said) in [
            (0, "0 ms"),
            (341, "341 ms"),
            (7_766, "7.766 s"),
            (60_000, "1 m"),
            (1_533_289, "25 m 33 s"),
            (3_600_188, "1 h"),
            (5_400_000, "1 h 30 m"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(span(millis), said);
        }
    }

    #[test]
    fn what_stands_in_an_address_is_encoded() {
        assert_eq!(target(&["users", "a b/c"], &[("reason", "x & y")]), "/admin/v1/users/a%20b%2Fc?reason=x%20%26%20y");
    }
}
