//! The lines of an HTTP/1 head as they stand on the wire, because hyper is lenient where a proxy in front may not be
//! (THREATS.md A83): it takes a bare LF for a line end and prefers `Transfer-Encoding` to `Content-Length`.

/// Reads a head byte by byte.
#[derive(Default)]
pub struct HeadLines {
    /// The current line as far as it matters: enough for the longest field name that matters.
    line: Vec<u8>,
    length: usize,
    last: u8,
    begun: bool,
    framing_fields: usize,
}

/// What a byte means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The head goes on.
    More,
    /// This byte ends the head.
    End,
    /// This byte must not be: a line feed alone, or the line it ends says a second time how long the body is.
    Wrong,
}

const KEPT: usize = 18;

impl HeadLines {
    /// Takes one byte of the head.
    pub fn step(&mut self, byte: u8) -> Step {
        let before = std::mem::replace(&mut self.last, byte);
        if byte != b'\n' {
            if self.line.len() < KEPT {
                self.line.push(byte.to_ascii_lowercase());
            }
            self.length += 1;
            return if before == b'\r' { Step::Wrong } else { Step::More };
        }
        if before != b'\r' {
            return Step::Wrong;
        }
        let empty = self.length == 1;
        let framing = self.ends_framing_field();
        self.length = 0;
        self.line.clear();
        self.framing_fields += usize::from(framing);
        match (empty, self.begun) {
            (true, true) => Step::End,
            (true, false) => Step::More,
            (false, _) if self.framing_fields > 1 => Step::Wrong,
            (false, _) => {
                self.begun = true;
                Step::More
            }
        }
    }
    /// Whether a head has begun that has not ended.
    pub fn is_under_way(&self) -> bool {
        self.begun || self.length > 0
    }
    fn ends_framing_field(&self) -> bool {
        [&b"content-length:"[..], b"transfer-encoding:"].iter().any(|name| self.line.starts_with(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last step of the text, and after how many bytes.
    fn read(text: &str) -> (Step, usize) {
        let mut lines = HeadLines::default();
        for (n, byte) in text.bytes().enumerate() {
            match lines.step(byte) {
                Step::More => {}
                step @ (Step::End | Step::Wrong) => return (step, n + 1),
            }
        }
        (Step::More, text.len())
    }

    #[test]
    fn a_head_ends_with_its_empty_line() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(read(&format!("{head}rest")), (Step::End, head.len()));
        assert_eq!(read(&format!("\r\n{head}rest")), (Step::End, head.len() + 2));
        assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\n").0, Step::More);
    }

    #[test]
    fn a_bare_line_feed_or_carriage_return_is_wrong() {
        for text in
            ["GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "\n", "GET / HTTP/1.1\r\nHost: a\rb\r\n", "GET / HTTP/1.1\r\n\n"]
        {
            assert_eq!(read(text).0, Step::Wrong, "{text:?}");
        }
    }

    #[test]
    fn the_length_of_the_body_is_said_once() {
        let with = |fields: &str| read(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).0;
        assert_eq!(with("Content-Length: 5\r\n"), Step::End);
        assert_eq!(with("Transfer-Encoding: chunked\r\n"), Step::End);
        assert_eq!(with("Content-Length: 5\r\ncontent-length: 5\r\n"), Step::Wrong);
        assert_eq!(with("Transfer-Encoding: chunked\r\nX: y\r\nCONTENT-LENGTH: 5\r\n"), Step::Wrong);
        assert_eq!(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Step::Wrong);
    }
}
