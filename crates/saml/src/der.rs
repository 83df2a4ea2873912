//! DER, the encoding of certificates and keys: elements with a tag and a length.

#[derive(Clone, Copy, Debug)]
pub struct Element<'d> {
    pub tag: u8,
    /// With tag and length.
    pub whole: &'d [u8],
    pub content: &'d [u8],
    /// The bytes after it.
    pub rest: &'d [u8],
}

impl<'d> Element<'d> {
    pub fn first(der: &'d [u8]) -> Option<Element<'d>> {
        let (&tag, rest) = der.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some(Element { tag, whole: der.get(..der.len() - rest.len())?, content, rest })
    }

    /// The first element, if it has this tag.
    pub fn tagged(der: &'d [u8], tag: u8) -> Option<Element<'d>> {
        Element::first(der).filter(|element| element.tag == tag)
    }
}
