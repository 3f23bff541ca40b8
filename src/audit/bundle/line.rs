//! One line of `events.ndjson`.
//!
//! ```text
//! {"seq":5,"hash":"<base64 leaf hash>","leaf":"<leaf bytes as a JSON string>","dis":["<disclosure>", …]}
//! {"seq":6,"withheld":"<base64 leaf hash>"}
//! ```
//!
//! Exactly so: these members in this order, no white space, strings escaped as RFC 8785 §3.2.2.2 says, and no `dis` where nothing is
//! disclosed. One event has one line, so that what two readers read is the same.

use crate::terms::Digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Every integer below is exact in all JSON readers.
const INTEGER_BOUND: u64 = 1 << 53;

/// An event as a bundle holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventLine<'a> {
    /// The event itself.
    Shown {
        /// Its number.
        seq: u64,
        /// Its leaf hash.
        hash: Digest,
        /// The leaf bytes.
        leaf: Cow<'a, str>,
        /// The disclosures given with it, encoded.
        disclosures: Vec<Cow<'a, str>>,
    },
    /// Only its leaf hash.
    Withheld {
        /// Its number.
        seq: u64,
        /// Its leaf hash.
        hash: Digest,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    seq: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    withheld: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    hash: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    leaf: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    dis: Vec<Cow<'a, str>>,
}

impl<'a> EventLine<'a> {
    /// The line without its end.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let base64 = |hash: &Digest| Some(Cow::Owned(STANDARD.encode(hash.bytes())));
        let members = match self {
            Self::Shown { seq, hash, leaf, disclosures } => {
                let leaf = Some(Cow::Borrowed(leaf.as_ref()));
                Members { seq: *seq, withheld: None, hash: base64(hash), leaf, dis: disclosures.clone() }
            }
            Self::Withheld { seq, hash } => Members { seq: *seq, withheld: base64(hash), hash: None, leaf: None, dis: Vec::new() },
        };
        serde_json::to_vec(&members)
    }

    /// Reads a line; none if it is not written exactly as [`EventLine::encode`] writes.
    pub fn decode(line: &'a [u8]) -> Option<Self> {
        let members: Members<'a> = serde_json::from_slice(line).ok()?;
        let is_exact = serde_json::to_vec(&members).ok()? == line && members.seq < INTEGER_BOUND;
        let members = Some(members).filter(|_| is_exact)?;
        let hash = |text: &str| STANDARD.decode(text).ok()?.try_into().ok().map(Digest::from_bytes);
        match members {
            Members { seq, withheld: None, hash: Some(text), leaf: Some(leaf), dis } => {
                Some(Self::Shown { seq, hash: hash(&text)?, leaf, disclosures: dis })
            }
            Members { seq, withheld: Some(text), hash: None, leaf: None, dis } if dis.is_empty() => {
                Some(Self::Withheld { seq, hash: hash(&text)? })
            }
            Members { .. } => None,
        }
    }

    /// The event's number.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Shown { seq, .. } | Self::Withheld { seq, .. } => *seq,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_in_one_way_and_read_in_no_other() {
        let hash = Digest::of(b"leaf");
        let text = STANDARD.encode(hash.bytes());
        let shown =
            EventLine::Shown { seq: 5, hash, leaf: "{\"a\":\"\u{e9}\\n\"}".into(), disclosures: vec!["WyJh".into(), "WyJi".into()] };
        let line = format!(r#"{{"seq":5,"hash":"{text}","leaf":"{{\"a\":\"{}\\n\"}}","dis":["WyJh","WyJi"]}}"#, "\u{e9}");
        assert_eq!(String::from_utf8(shown.encode().unwrap()).unwrap(), line);
        assert_eq!(EventLine::decode(line.as_bytes()), Some(shown));
        let withheld = EventLine::Withheld { seq: 6, hash };
        let other = format!(r#"{{"seq":6,"withheld":"{text}"}}"#);
        assert_eq!(String::from_utf8(withheld.encode().unwrap()).unwrap(), other);
        assert_eq!(EventLine::decode(other.as_bytes()), Some(withheld));
        let changed = [
            line.replace("{\"seq\"", "{ \"seq\""),
            line.replace(",\"dis\":[\"WyJh\",\"WyJi\"]", ",\"dis\":[]"),
            line.replace('\u{e9}', "\\u00e9"),
            line.replace("\"seq\":5", "\"seq\":5,\"seq\":5"),
            line.replace("\"seq\":5", "\"seq\":5.0"),
            line.replace("\"seq\":5", "\"seq\":9007199254740992"),
            line.replace("\"dis\"", "\"withheld\""),
            other.replace(&text, "AAAA"),
            other.replace('}', ",\"leaf\":\"{}\"}"),
            other.clone() + " ",
            format!("{other}{other}"),
            "{\"seq\":5}".to_owned(),
            String::new(),
        ];
        for line in changed {
            assert_eq!(EventLine::decode(line.as_bytes()), None, "{line}");
        }
    }
}
