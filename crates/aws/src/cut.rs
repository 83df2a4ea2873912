//! Splitting short texts at an ASCII character. `str::split` takes any pattern and is several times slower, which every request would
//! pay for many times.

use std::iter;

/// The pieces between separators; there is always one.
pub fn split(text: &str, at: u8) -> impl Iterator<Item = &str> {
    debug_assert!(at.is_ascii());
    let mut rest = Some(text);
    iter::from_fn(move || {
        let text = rest?;
        let Some((piece, later)) = split_once(text, at) else { return rest.take() };
        rest = Some(later);
        Some(piece)
    })
}

/// The text before and after the first separator.
pub fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    let found = memchr::memchr(at, text.as_bytes())?;
    Some((text.get(..found)?, text.get(found + 1..)?))
}

/// The text before and after the last separator.
pub fn rsplit_once(text: &str, at: u8) -> Option<(&str, &str)> {
    let found = memchr::memrchr(at, text.as_bytes())?;
    Some((text.get(..found)?, text.get(found + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_as_the_standard_library_cuts_them() {
        for text in ["", ":", "a", "a:", ":a", "a:b", "::", "a::ü:b", "ünü:"] {
            assert_eq!(split(text, b':').collect::<Vec<_>>(), text.split(':').collect::<Vec<_>>(), "{text:?}");
            assert_eq!(split_once(text, b':'), text.split_once(':'), "{text:?}");
            assert_eq!(rsplit_once(text, b':'), text.rsplit_once(':'), "{text:?}");
        }
    }
}
