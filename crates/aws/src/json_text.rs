//! Texts in JSON.

/// Whether a text needs no escaping in a JSON string. The loop has no branch, so that it is compiled to vector instructions.
pub fn is_plain(text: &str) -> bool {
    !text.bytes().fold(false, |special, byte| special | (byte < b' ') | (byte == b'"') | (byte == b'\\'))
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_text_is_plain_where_nothing_in_it_is_escaped() {
        for text in ["", "a message", "ünïcode \u{1f600}", "/ ' \u{7f}"] {
            assert!(is_plain(text), "{text:?}");
        }
        for text in ["\"", "a\\b", "\n", "tail\u{0}", "\u{1f}"] {
            assert!(!is_plain(text), "{text:?}");
        }
    }
}
