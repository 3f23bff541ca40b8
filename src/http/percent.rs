//! Percent-encoding, decoded strictly: what does not decode is refused, never replaced (THREATS.md §F).

/// Why a text does not decode.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PercentError {
    /// A `%` without two hexadecimal digits after it (RFC 3986 §2.1).
    #[error("a percent sign is not followed by two hexadecimal digits")]
    Escape,
    /// The decoded bytes are not UTF-8, or hold a NUL.
    #[error("the decoded text is not UTF-8")]
    Text,
}

/// Decodes a path segment: `%XX` alone has a meaning, `+` is a plus.
pub fn decode_segment(text: &str) -> Result<String, PercentError> {
    decode(text.as_bytes(), |byte| byte)
}

/// Decodes a name or value of `application/x-www-form-urlencoded`: `+` is a space.
pub fn decode_form(text: &[u8]) -> Result<String, PercentError> {
    decode(text, |byte| if byte == b'+' { b' ' } else { byte })
}

/// Appends `text` as a name or value of `application/x-www-form-urlencoded` (RFC 6749 Appendix B): a space becomes `+`.
pub fn encode_form(text: &str, out: &mut String) {
    url::form_urlencoded::byte_serialize(text.as_bytes()).for_each(|piece| out.push_str(piece));
}

fn decode(text: &[u8], plain: impl Fn(u8) -> u8) -> Result<String, PercentError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => out.push(hex(rest.next())? << 4 | hex(rest.next())?),
            other => out.push(plain(other)),
        }
    }
    let text = String::from_utf8(out).map_err(|_| PercentError::Text)?;
    if text.contains('\0') {
        return Err(PercentError::Text);
    }
    Ok(text)
}

fn hex(digit: Option<u8>) -> Result<u8, PercentError> {
    match digit {
        Some(byte @ b'0'..=b'9') => Ok(byte - b'0'),
        Some(byte @ b'a'..=b'f') => Ok(byte - b'a' + 10),
        Some(byte @ b'A'..=b'F') => Ok(byte - b'A' + 10),
        Some(_) | None => Err(PercentError::Escape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_decodes_to_itself() {
        for text in ["", "plain", "a b+c&d=e%f", "ключ 🔑", "~!*'();:@$,/?#[]"] {
            let mut encoded = String::new();
            encode_form(text, &mut encoded);
            assert_eq!(decode_form(encoded.as_bytes()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn a_plus_is_a_space_in_a_form_and_a_plus_in_a_path() {
        assert_eq!(decode_form(b"a+b%20c").as_deref(), Ok("a b c"));
        assert_eq!(decode_segment("a+b%20c").as_deref(), Ok("a+b c"));
    }

    #[test]
    fn broken_escapes_and_broken_utf_8_are_refused() {
        for broken in ["%", "%4", "%zz", "a%2", "%%41", "%+1"] {
            assert_eq!(decode_form(broken.as_bytes()), Err(PercentError::Escape), "{broken}");
        }
        for broken in ["%ff", "%c0%af", "%ed%a0%80", "%00"] {
            assert_eq!(decode_form(broken.as_bytes()), Err(PercentError::Text), "{broken}");
        }
        assert_eq!(decode_form(b"\xff"), Err(PercentError::Text));
    }
}
