//! Leaf bytes: what is hashed into a site's tree. JSON in the canonical form of RFC 8785, with the digests of the personal data
//! as in RFC 9901 (SD-JWT).

use super::merkle;
use crate::terms::Digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// The longest leaf: the entries of C2SP tlog-tiles have a 16-bit length.
pub const LEAF_BYTES_MAX: usize = 65_535;
/// How deep a value may nest.
const DEPTH_MAX: usize = 32;
/// Every integer of smaller magnitude is exact in all JSON readers (RFC 8785 §3.2.2.3, RFC 7493 §2.2).
const INTEGER_BOUND: u64 = 1 << 53;

/// Why a value is not fit for a leaf.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LeafError {
    /// A number with fraction or exponent, or of magnitude 2^53 and more.
    #[error("a leaf has only integers below 2^53")]
    Number,
    /// Arrays and objects within each other.
    #[error("a leaf nests at most {DEPTH_MAX} deep")]
    Depth,
    /// More bytes than an entry may have.
    #[error("a leaf has at most {LEAF_BYTES_MAX} bytes")]
    TooLong,
    /// A public member called `_sd` or `_sd_alg`.
    #[error("the members _sd and _sd_alg are the log's own")]
    Reserved,
    /// Not `[salt, name, value]` in base64url.
    #[error("that is not a disclosure")]
    Disclosure,
    /// A string that cannot be written.
    #[error("a string cannot be written as JSON")]
    Text,
}

/// The canonical bytes of a value (RFC 8785): members sorted by UTF-16 code units, no white space. Only strings, booleans, null,
/// arrays, objects and integers below 2^53 in magnitude.
pub fn jcs(value: &Value) -> Result<Vec<u8>, LeafError> {
    let mut out = Vec::new();
    write_value(value, 0, &mut out)?;
    Ok(out)
}

/// How many bytes [`jcs`] makes of a value, without making them; and the same errors.
pub fn jcs_length(value: &Value) -> Result<usize, LeafError> {
    value_length(value, 0)
}

/// The same of an object's members.
pub fn members_length(members: &Map<String, Value>) -> Result<usize, LeafError> {
    object_length(members, 0)
}

/// The leaf: the members and, if there is any disclosure, `_sd` with their digests, sorted, and `_sd_alg`.
pub fn leaf_bytes(mut members: Map<String, Value>, disclosures: &[Disclosure]) -> Result<Vec<u8>, LeafError> {
    if members.contains_key("_sd") || members.contains_key("_sd_alg") {
        return Err(LeafError::Reserved);
    }
    if !disclosures.is_empty() {
        let mut digests: Vec<String> = disclosures.iter().map(|disclosure| disclosure.digest().to_string()).collect();
        digests.sort_unstable();
        members.insert("_sd".to_owned(), digests.into());
        members.insert("_sd_alg".to_owned(), "sha-256".into());
    }
    let bytes = jcs(&Value::Object(members))?;
    match bytes.len() <= LEAF_BYTES_MAX {
        true => Ok(bytes),
        false => Err(LeafError::TooLong),
    }
}

/// SHA-256(0x00 ‖ leaf bytes) (RFC 6962 §2.1).
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    merkle::sha256(&[&[0], leaf])
}

/// One field of personal data, salted: base64url of `[salt, name, value]` (RFC 9901 §4.2.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosure {
    name: String,
    value: Value,
    encoded: String,
}

impl Disclosure {
    /// A disclosure with 128 bits of salt from the caller's entropy.
    pub fn new(salt: [u8; 16], name: &str, value: Value) -> Result<Self, LeafError> {
        let triple = Value::Array(vec![URL_SAFE_NO_PAD.encode(salt).into(), name.into(), value.clone()]);
        let encoded = URL_SAFE_NO_PAD.encode(jcs(&triple)?);
        Ok(Self { name: name.to_owned(), value, encoded })
    }
    /// Reads the encoded form. It is kept as it is, because the digest covers it.
    pub fn decode(encoded: &str) -> Result<Self, LeafError> {
        let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| LeafError::Disclosure)?;
        let (_salt, name, value) = serde_json::from_slice::<(String, String, Value)>(&json).map_err(|_| LeafError::Disclosure)?;
        Ok(Self { name, value, encoded: encoded.to_owned() })
    }
    /// The encoded form.
    pub fn encode(&self) -> &str {
        &self.encoded
    }
    /// SHA-256 of the encoded form's ASCII (RFC 9901 §4.2.3).
    pub fn digest(&self) -> Digest {
        Digest::of(self.encoded.as_bytes())
    }
    /// The field's name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The field's value.
    pub fn value(&self) -> &Value {
        &self.value
    }
}
/// Shows the name only: the value is personal.
impl std::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disclosure({})", self.name)
    }
}

fn write_value(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), LeafError> {
    if depth > DEPTH_MAX {
        return Err(LeafError::Depth);
    }
    match value {
        Value::Null => out.extend(b"null"),
        Value::Bool(true) => out.extend(b"true"),
        Value::Bool(false) => out.extend(b"false"),
        Value::Number(number) => write_integer(number, out)?,
        Value::String(text) => write_text(text, out)?,
        Value::Array(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                separate(n, out);
                write_value(item, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| utf_16_order(a, b));
            out.push(b'{');
            for (n, (name, member)) in sorted.into_iter().enumerate() {
                separate(n, out);
                write_text(name, out)?;
                out.push(b':');
                write_value(member, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// By UTF-16 code units. Of ASCII, which nearly all names are, bytes have the same order.
fn utf_16_order(a: &str, b: &str) -> Ordering {
    match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

fn value_length(value: &Value, depth: usize) -> Result<usize, LeafError> {
    if depth > DEPTH_MAX {
        return Err(LeafError::Depth);
    }
    match value {
        Value::Null | Value::Bool(true) => Ok(4),
        Value::Bool(false) => Ok(5),
        Value::Number(number) => {
            // 0 has a digit too; below 2^53 there are at most 16.
            let digits = 1 + integer(number)?.checked_ilog10().unwrap_or_default();
            let sign = usize::from(!number.is_u64());
            Ok(sign + usize::try_from(digits).unwrap_or(usize::MAX))
        }
        Value::String(text) => Ok(text_length(text)),
        Value::Array(items) => {
            let inside = items.iter().try_fold(0, |sum: usize, item| Ok(sum + value_length(item, depth + 1)?));
            Ok(2 + items.len().saturating_sub(1) + inside?)
        }
        Value::Object(members) => object_length(members, depth),
    }
}

fn object_length(members: &Map<String, Value>, depth: usize) -> Result<usize, LeafError> {
    let one = |(name, member): (&String, &Value)| Ok(text_length(name) + 1 + value_length(member, depth + 1)?);
    let inside = members.iter().try_fold(0, |sum: usize, member| Ok(sum + one(member)?));
    Ok(2 + members.len().saturating_sub(1) + inside?)
}

/// With its quotation marks and escapes.
fn text_length(text: &str) -> usize {
    let escapes: usize = text.bytes().map(escape_length).sum();
    2 + text.len() + escapes
}

/// How much longer a byte gets by its escape.
fn escape_length(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | b'\t' | b'\n' | 0x0c | b'\r' => 1,
        0..0x20 => 5,
        _ => 0,
    }
}

fn separate(n: usize, out: &mut Vec<u8>) {
    if n > 0 {
        out.push(b',');
    }
}

fn write_integer(number: &serde_json::Number, out: &mut Vec<u8>) -> Result<(), LeafError> {
    integer(number)?;
    serde_json::to_writer(out, number).map_err(|_| LeafError::Number)
}

/// The magnitude of a number that a leaf may have.
fn integer(number: &serde_json::Number) -> Result<u64, LeafError> {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs)).ok_or(LeafError::Number)?;
    if magnitude < INTEGER_BOUND { Ok(magnitude) } else { Err(LeafError::Number) }
}

/// serde_json escapes what RFC 8785 §3.2.2.2 does, and in the same way: `"`, `\` and below U+0020, the short forms where they exist.
/// Most texts have nothing of it.
fn write_text(text: &str, out: &mut Vec<u8>) -> Result<(), LeafError> {
    if text.bytes().any(|byte| escape_length(byte) > 0) {
        return serde_json::to_writer(out, text).map_err(|_| LeafError::Text);
    }
    out.push(b'"');
    out.extend(text.as_bytes());
    out.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(value: &Value) -> Result<String, LeafError> {
        jcs(value).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    /// RFC 8785 §3.2.3 has these members.
    #[test]
    fn members_are_sorted_by_utf_16_code_units() {
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let order = ["Carriage Return", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"];
        let canonical = text(&value).unwrap();
        let places: Vec<usize> = order.iter().map(|word| canonical.find(word).unwrap()).collect();
        assert!(places.is_sorted(), "{canonical}");
    }

    #[test]
    fn text_is_escaped_as_ecmascript_does() {
        let value = json!("\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{7f}\u{8}\u{c}\t\r\u{2028}");
        assert_eq!(text(&value).unwrap(), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\u{7f}\\b\\f\\t\\r\u{2028}\"");
    }

    #[test]
    fn only_integers_below_2_to_53_are_numbers() {
        assert_eq!(
            text(&json!([9_007_199_254_740_991u64, -9_007_199_254_740_991i64, 0])).unwrap(),
            "[9007199254740991,-9007199254740991,0]"
        );
        for number in
            [json!(9_007_199_254_740_992u64), json!(-9_007_199_254_740_992i64), json!(u64::MAX), json!(1.5), json!(1.0), json!(1e3)]
        {
            assert_eq!(text(&number), Err(LeafError::Number), "{number}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth| (0..depth).fold(json!(0), |inner, _| json!([inner]));
        assert!(jcs(&nested(32)).is_ok());
        assert_eq!(jcs(&nested(33)), Err(LeafError::Depth));
    }

    #[test]
    fn a_leaf_of_65535_bytes_is_accepted_and_one_more_is_not() {
        let leaf = |n: usize| leaf_bytes(Map::from_iter([("a".to_owned(), json!("x".repeat(n)))]), &[]).map(|bytes| bytes.len());
        assert_eq!(leaf(65_527), Ok(65_535));
        assert_eq!(leaf(65_528), Err(LeafError::TooLong));
    }

    #[test]
    fn a_member_may_not_be_named_as_the_digests_are() {
        for name in ["_sd", "_sd_alg"] {
            assert_eq!(leaf_bytes(Map::from_iter([(name.to_owned(), json!([]))]), &[]), Err(LeafError::Reserved));
        }
    }

    #[test]
    fn a_leaf_without_disclosures_has_no_digests() {
        assert_eq!(leaf_bytes(Map::new(), &[]).unwrap(), b"{}");
    }

    #[test]
    fn what_is_not_a_disclosure_is_refused() {
        for encoded in ["", "W10", "WyJhIiwiYiJd", "not base64url!", "WyJhIiwiYiIsMV0="] {
            assert_eq!(Disclosure::decode(encoded), Err(LeafError::Disclosure), "{encoded}");
        }
        assert!(Disclosure::decode("WyJhIiwiYiIsMV0").is_ok());
    }

    fn values() -> impl Strategy<Value = Value> {
        let bound = 9_007_199_254_740_991i64;
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (-bound..=bound).prop_map(Value::from),
            ".*".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..6).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn the_length_of_every_escape_and_number_is_known_and_what_is_unfit_has_none() {
        let all: String = (0..=0x100).filter_map(char::from_u32).collect();
        let largest = json!(INTEGER_BOUND - 1);
        for value in [json!(all), json!({ all: 0 }), json!([0, 9, 10, 99, 100, -1, -10]), largest, json!(-9_007_199_254_740_991_i64)] {
            assert_eq!(jcs_length(&value), jcs(&value).map(|bytes| bytes.len()), "{value}");
        }
        let deep = |depth| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        for value in [json!(INTEGER_BOUND), json!(1.5), deep(DEPTH_MAX), deep(DEPTH_MAX + 1)] {
            assert_eq!(jcs_length(&value), jcs(&value).map(|bytes| bytes.len()), "{value}");
        }
        let members = json!({ "b": "\n", "a": [true, false, null] });
        assert_eq!(members_length(members.as_object().unwrap()), Ok(members.to_string().len()));
    }

    proptest! {
        #[test]
        fn canonical_bytes_mean_the_same_value_and_are_a_fixed_point(value in values()) {
            let bytes = jcs(&value).unwrap();
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&read, &value);
            prop_assert_eq!(jcs(&read).unwrap(), bytes);
        }

        #[test]
        fn the_length_is_known_without_the_bytes(value in values()) {
            prop_assert_eq!(jcs_length(&value), jcs(&value).map(|bytes| bytes.len()));
        }

        #[test]
        fn a_disclosure_is_read_as_it_was_written(salt: [u8; 16], name in ".*", value in values()) {
            let written = Disclosure::new(salt, &name, value.clone()).unwrap();
            let read = Disclosure::decode(written.encode()).unwrap();
            prop_assert_eq!((read.name(), read.value()), (name.as_str(), &value));
            prop_assert_eq!(read.digest(), written.digest());
        }
    }
}
