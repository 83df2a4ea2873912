//! Exclusive canonical XML: the one way of writing an element, whatever surrounds it.
//! <https://www.w3.org/TR/xml-exc-c14n/>

use roxmltree::{Node, NodeId, NodeType};

/// Deeper elements are nobody's assertion.
const DEEPEST: usize = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Comments {
    #[default]
    Left,
    Kept,
}

#[derive(Debug, Default)]
pub(crate) struct Form {
    pub comments: Comments,
    /// Prefixes that are written where they are in scope, used or not; the empty one is the default namespace.
    pub inclusive: Vec<String>,
    /// An element that is left out: the signature itself.
    pub without: Option<NodeId>,
}

/// `None`: too deep.
pub(crate) fn write<'a>(node: Node<'a, 'a>, form: &'a Form) -> Option<String> {
    let mut out = String::new();
    element(node, form, &mut Vec::new(), DEEPEST, &mut out)?;
    Some(out)
}

/// A name as it is written, and the prefix in it.
fn prefix(qualified: &str) -> &str {
    qualified.split_once(':').map_or("", |(prefix, _)| prefix)
}

fn name<'i>(node: Node<'i, 'i>) -> &'i str {
    let source = node.document().input_text().get(node.range().start + 1..).unwrap_or_default();
    source.split(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).next().unwrap_or_default()
}

/// `said`: the namespaces that the elements above declare in what is written, by prefix.
fn element<'a>(node: Node<'a, 'a>, form: &'a Form, said: &mut Vec<(&'a str, &'a str)>, depth: usize, out: &mut String) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let source = node.document().input_text();
    let qualified = name(node);
    let mut attributes: Vec<_> = node.attributes().collect();
    attributes.sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
    let written = |range| source.get(range).unwrap_or_default();

    // The namespaces that the element uses and those that are asked for, unless an element above has said them already.
    let mut used: Vec<&str> = vec![prefix(qualified)];
    used.extend(attributes.iter().map(|attribute| prefix(written(attribute.range_qname()))).filter(|prefix| !prefix.is_empty()));
    used.extend(form.inclusive.iter().map(String::as_str));
    used.retain(|prefix| *prefix != "xml");
    used.sort_unstable();
    used.dedup();
    let above = said.len();
    for prefix in used {
        let uri = node.lookup_namespace_uri((!prefix.is_empty()).then_some(prefix)).unwrap_or_default();
        let known = said.iter().rev().find(|(known, _)| *known == prefix).map_or("", |(_, uri)| uri);
        if known != uri {
            said.push((prefix, uri));
        }
    }

    out.push('<');
    out.push_str(qualified);
    for (prefix, uri) in said.get(above..).unwrap_or_default() {
        out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
        out.push_str(prefix);
        value(uri, out);
    }
    for attribute in &attributes {
        out.push(' ');
        out.push_str(written(attribute.range_qname()));
        value(attribute.value(), out);
    }
    out.push('>');
    for child in node.children() {
        match child.node_type() {
            NodeType::Element if Some(child.id()) == form.without => {}
            NodeType::Element => element(child, form, said, depth, out)?,
            NodeType::Text => content(child.text().unwrap_or_default(), out),
            NodeType::Comment if form.comments == Comments::Kept => {
                out.push_str("<!--");
                out.push_str(child.text().unwrap_or_default());
                out.push_str("-->");
            }
            NodeType::PI => {
                if let Some(pi) = child.pi() {
                    out.push_str("<?");
                    out.push_str(pi.target);
                    if let Some(value) = pi.value.filter(|value| !value.is_empty()) {
                        out.push(' ');
                        out.push_str(value);
                    }
                    out.push_str("?>");
                }
            }
            NodeType::Comment | NodeType::Root => {}
        }
    }
    out.push_str("</");
    out.push_str(qualified);
    out.push('>');
    said.truncate(above);
    Some(())
}

fn value(text: &str, out: &mut String) {
    out.push_str("=\"");
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn content(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    fn canonical(text: &str) -> String {
        write(parse(text).unwrap().root_element(), &Form::default()).unwrap()
    }

    #[test]
    fn attributes_have_an_order_and_values_one_way_of_writing() {
        let written =
            canonical("<?xml version='1.0'?><a  z='1' b:y='&quot;&#10;' a='2' xmlns:b='urn:b' xmlns='urn:a'><c/>&gt;<![CDATA[<]]>\r\n</a>\n");
        assert_eq!(written, "<a xmlns=\"urn:a\" xmlns:b=\"urn:b\" a=\"2\" z=\"1\" b:y=\"&quot;&#xA;\"><c></c>&gt;&lt;\n</a>");
    }

    #[test]
    fn a_namespace_is_said_where_it_is_used() {
        let text = "<a xmlns:b='urn:b' xmlns:unused='urn:u'><b:c><b:d xmlns:b='urn:other'/></b:c><b:c/></a>";
        assert_eq!(canonical(text), "<a><b:c xmlns:b=\"urn:b\"><b:d xmlns:b=\"urn:other\"></b:d></b:c><b:c xmlns:b=\"urn:b\"></b:c></a>");
        let undone = "<a xmlns='urn:a'><b xmlns=''><c/></b></a>";
        assert_eq!(canonical(undone), "<a xmlns=\"urn:a\"><b xmlns=\"\"><c></c></b></a>");
    }

    #[test]
    fn prefixes_that_are_asked_for_are_said_at_once() {
        let document = parse("<a xmlns:xs='urn:xs'><b t='xs:string'/></a>").unwrap();
        let form = Form { inclusive: vec!["xs".into(), "absent".into()], ..Form::default() };
        assert_eq!(write(document.root_element(), &form).unwrap(), "<a xmlns:xs=\"urn:xs\"><b t=\"xs:string\"></b></a>");
        let inner = document.root_element().first_element_child().unwrap();
        assert_eq!(write(inner, &form).unwrap(), "<b xmlns:xs=\"urn:xs\" t=\"xs:string\"></b>");
    }

    #[test]
    fn comments_go_and_instructions_stay() {
        assert_eq!(canonical("<a><!-- no --><?do  this?></a>"), "<a><?do this?></a>");
    }

    #[test]
    fn what_is_too_deep_is_not_written() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        assert!(write(parse(&deep).unwrap().root_element(), &Form::default()).is_none());
    }

    #[test]
    fn xml_attributes_need_no_declaration() {
        assert_eq!(canonical("<a xml:lang='en'/>"), "<a xml:lang=\"en\"></a>");
    }
}
