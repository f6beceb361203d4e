//! Character sets by their names on the command line: the labels of the WHATWG Encoding Standard,
//! where `gb2312` means its superset GBK, as everywhere on the web.

use encoding_rs::{Encoding, REPLACEMENT};

/// The character set of that name.
///
/// # Errors
/// A sentence that names some.
pub(crate) fn find(label: &str) -> Result<&'static Encoding, String> {
    match Encoding::for_label(label.as_bytes()) {
        Some(encoding) if encoding != REPLACEMENT => Ok(encoding),
        _ => Err(format!(
            "unknown charset `{label}`; try utf-8, gb2312, gbk, gb18030, big5, shift_jis, euc-kr, \
             windows-1252 or another name of the WHATWG Encoding Standard"
        )),
    }
}

/// The character set of that name, for one who writes in it.
///
/// # Errors
/// As [`find`]; also for UTF-16, whose line ends are no bytes that a phone menu could look for.
pub(crate) fn find_writable(label: &str) -> Result<&'static Encoding, String> {
    let encoding = find(label)?;
    match encoding.output_encoding() == encoding {
        true => Ok(encoding),
        false => Err(format!("charset `{label}` cannot be sent; use utf-8 or gb18030")),
    }
}

/// `text` in `encoding`.
///
/// # Errors
/// A sentence with the first character that `encoding` lacks.
pub(crate) fn encode(text: &str, encoding: &'static Encoding) -> Result<Vec<u8>, String> {
    let (bytes, _, lacking) = encoding.encode(text);
    if !lacking {
        return Ok(bytes.into_owned());
    }
    let lacks = |c: &char| encoding.encode(c.encode_utf8(&mut [0; 4])).2;
    let first = text.chars().find(lacks).unwrap_or(char::REPLACEMENT_CHARACTER);
    Err(format!("charset {} has no `{first}`; use utf-8 or gb18030", encoding.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gb2312_is_found_and_an_unknown_one_names_some() {
        assert_eq!(find("gb2312").unwrap().name(), "GBK");
        assert_eq!(find("GB18030").unwrap().name(), "gb18030");
        assert!(find("gb231").unwrap_err().starts_with("unknown charset `gb231`; try utf-8, "));
        // A label that the standard maps to refusal of everything.
        assert!(find("iso-2022-kr").is_err());
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        assert!(find_writable("utf-16le").unwrap_err().contains("cannot be sent"));
        assert_eq!(encode("你", find("gbk").unwrap()).unwrap(), [0xc4, 0xe3]);
        let error = encode("a你", find("windows-1252").unwrap()).unwrap_err();
        assert_eq!(error, "charset windows-1252 has no `你`; use utf-8 or gb18030");
    }
}
