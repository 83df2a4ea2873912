//! Parsing untrusted XML with roxmltree. Document types, and so entities, are refused. The number of attributes of an element and of
//! namespaces is limited before parsing, because the parser's time is not linear in them.

use roxmltree::{Document, Node, ParsingOptions};

pub(crate) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub(crate) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub(crate) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

const MOST_NODES: u32 = 100_000;
const MOST_ATTRIBUTES: usize = 256;
const MOST_NAMESPACES: usize = 4_000;

pub(crate) fn parse(text: &str) -> Option<Document<'_>> {
    let text = text.trim_start_matches('\u{feff}');
    if text.matches("xmlns").count() > MOST_NAMESPACES || most_attributes(text) > MOST_ATTRIBUTES {
        return None;
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).ok()
}

/// An upper bound of the number of attributes of one element.
fn most_attributes(text: &str) -> usize {
    let mut most = 0;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let skipped = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")].into_iter().find(|(begins, _)| after.starts_with(begins));
        if let Some((_, ends)) = skipped {
            rest = after.split_once(ends).map_or("", |(_, rest)| rest);
            continue;
        }
        let mut quote = None;
        let mut count = 0;
        let mut length = after.len();
        for (at, byte) in after.bytes().enumerate() {
            match (quote, byte) {
                (Some(open), byte) if byte == open => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => count += 1,
                (None, b'>') => {
                    length = at;
                    break;
                }
                (None, _) => {}
            }
        }
        most = most.max(count);
        rest = after.get(length..).unwrap_or_default();
    }
    most
}

/// The children of this name.
pub(crate) fn children<'a, 'i>(node: Node<'a, 'i>, space: &'static str, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.has_tag_name((space, name)))
}

/// The child of this name, when there is exactly one.
pub(crate) fn only<'a, 'i>(node: Node<'a, 'i>, space: &'static str, name: &'static str) -> Option<Node<'a, 'i>> {
    let mut all = children(node, space, name);
    all.next().filter(|_| all.next().is_none())
}

/// The whole text of an element: a comment inside does not end it.
pub(crate) fn text(node: Node<'_, '_>) -> String {
    let parts = node.descendants().filter(|part| part.is_text());
    let whole: String = parts.filter_map(|part| part.text()).collect();
    whole.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_does_not_end_a_text() {
        let document = parse("<a>admin<!-- -->@example.com</a>").unwrap();
        assert_eq!(text(document.root_element()), "admin@example.com");
    }

    #[test]
    fn expensive_documents_are_refused() {
        let wide = format!("<a {}/>", (0..300).map(|n| format!("b{n}='>' ")).collect::<String>());
        assert!(parse(&wide).is_none());
        assert!(parse("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").is_none());
        assert!(parse(&format!("<!-- {} it's --><a b='c'/>", "x='1' ".repeat(400))).is_some());
    }
}
