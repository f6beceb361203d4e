//! Bytes as text: `\n \r \t \0 \\ \xNN`, both ways.

/// The bytes that `text` stands for.
///
/// # Errors
/// A sentence about the first escape that is none.
pub fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('\\') {
        out.extend_from_slice(plain.as_bytes());
        let (byte, length) = escape(after)?;
        out.push(byte);
        rest = &after[length..];
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// The byte after a backslash, and how long its escape is.
fn escape(after: &str) -> Result<(u8, usize), String> {
    let byte = match after.bytes().next() {
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'0') => 0,
        Some(b'\\') => b'\\',
        Some(b'x') => {
            let digits =
                after.get(1..3).filter(|digits| digits.bytes().all(|d| d.is_ascii_hexdigit()));
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            return byte.map(|byte| (byte, 3)).ok_or_else(|| "\\x needs two hex digits".into());
        }
        _ => return Err("a backslash is followed by n, r, t, 0, xNN or another backslash".into()),
    };
    Ok((byte, 1))
}

/// `bytes` as a text that [`bytes`] reads back.
pub fn text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: an escape that is written otherwise than it is read.
    #[test]
    fn every_byte_survives_the_way_through_text() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&text(&all)), Ok(all));
        assert_eq!(bytes("\\0\\x7F"), Ok(vec![0, 127]));
    }

    #[test]
    fn what_is_no_escape_is_refused() {
        assert!(bytes("\\q").is_err_and(|error| error.contains("xNN")));
        assert!(bytes("a\\").is_err());
        assert!(bytes("\\x4").is_err_and(|error| error.contains("two hex digits")));
        assert!(bytes("\\xé1").is_err());
    }
}
