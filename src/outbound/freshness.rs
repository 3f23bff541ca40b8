//! For how long an answer may be kept (RFC 9111 §4.2.1, §5.2.2), by a cache of our own: `s-maxage` and `private` are not for us.

use crate::terms::Timestamp;
use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};

/// For how long an answer may be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// It does not say.
    Unsaid,
    /// So many seconds; 0 is not at all.
    Seconds(u64),
    /// Until then.
    Until(Timestamp),
}

impl Freshness {
    /// What the header fields of an answer say. What they say badly counts as not at all.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let lines: Vec<&str> = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok()).collect();
        let control = lines.join(",").to_ascii_lowercase();
        let directives: Vec<&str> = control.split(',').map(str::trim).filter(|directive| !directive.is_empty()).collect();
        let is = |name: &str| directives.iter().any(|own| *own == name || own.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')));
        if is("no-store") || is("no-cache") {
            return Self::Seconds(0);
        }
        if is("max-age") {
            let ages: Vec<&str> = directives.iter().filter_map(|directive| directive.strip_prefix("max-age=")).collect();
            let [age] = ages.as_slice() else { return Self::Seconds(0) };
            let max_age: u64 = age.trim_matches('"').parse().unwrap_or_default();
            let passed: u64 = text(AGE).and_then(|age| age.trim().parse().ok()).unwrap_or_default();
            return Self::Seconds(max_age.saturating_sub(passed));
        }
        let Some(expires) = text(EXPIRES) else { return Self::Unsaid };
        match (Timestamp::from_http_date(expires), text(DATE).and_then(Timestamp::from_http_date)) {
            (Some(expires), Some(date)) => Self::Seconds(expires.seconds_since(date)),
            (Some(expires), None) => Self::Until(expires),
            (None, _) => Self::Seconds(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&'static str, &str)]) -> Freshness {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        Freshness::of(&headers)
    }

    #[test]
    fn the_strictest_reading_of_cache_control_counts() {
        let control = |value: &str| of(&[("cache-control", value)]);
        assert_eq!(of(&[]), Freshness::Unsaid);
        assert_eq!(control("public"), Freshness::Unsaid);
        assert_eq!(control("max-age=60"), Freshness::Seconds(60));
        assert_eq!(control("Public, MAX-AGE=\"60\", must-revalidate"), Freshness::Seconds(60));
        assert_eq!(control("s-maxage=900"), Freshness::Unsaid);
        for none in
            ["no-store", "no-cache", "max-age=60, no-store", "no-cache=\"set-cookie\"", "max-age=x", "max-age", "max-age=1, max-age=9"]
        {
            assert_eq!(control(none), Freshness::Seconds(0), "{none}");
        }
        assert_eq!(of(&[("cache-control", "max-age=60"), ("age", "45")]), Freshness::Seconds(15));
        assert_eq!(of(&[("cache-control", "max-age=60"), ("age", "61")]), Freshness::Seconds(0));
        assert_eq!(of(&[("cache-control", "public"), ("cache-control", "no-store")]), Freshness::Seconds(0));
    }

    #[test]
    fn expires_counts_from_the_answers_own_date() {
        let (date, later) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:54:37 GMT");
        assert_eq!(of(&[("expires", later), ("date", date)]), Freshness::Seconds(300));
        assert_eq!(of(&[("expires", date), ("date", later)]), Freshness::Seconds(0));
        assert_eq!(of(&[("expires", later)]), Freshness::Until(Timestamp::from_unix_seconds(784_112_077)));
        assert_eq!(of(&[("expires", "0"), ("date", date)]), Freshness::Seconds(0));
        assert_eq!(of(&[("expires", later), ("date", date), ("cache-control", "max-age=7")]), Freshness::Seconds(7));
    }
}
