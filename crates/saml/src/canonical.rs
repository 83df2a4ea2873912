//! Exclusive XML canonicalization.
//! <https://www.w3.org/TR/xml-exc-c14n/>

use roxmltree::{Node, NodeId, NodeType};

/// Levels of elements.
const MAX_DEPTH: usize = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Comments {
    #[default]
    Omit,
    Keep,
}

#[derive(Debug, Default)]
pub(crate) struct Form {
    pub comments: Comments,
    /// `PrefixList`: prefixes whose namespaces are written even if unused. The empty prefix is the default namespace.
    pub inclusive: Vec<String>,
    /// The element to omit: the signature.
    pub without: Option<NodeId>,
}

/// The canonical form of an element. `None`: it has too many levels.
pub(crate) fn write<'a>(node: Node<'a, 'a>, form: &'a Form) -> Option<String> {
    let mut out = String::new();
    element(node, form, &mut Vec::new(), MAX_DEPTH, &mut out)?;
    Some(out)
}

fn prefix(qualified: &str) -> &str {
    qualified.split_once(':').map_or("", |(prefix, _)| prefix)
}

fn name<'i>(node: Node<'i, 'i>) -> &'i str {
    let source = node.document().input_text().get(node.range().start + 1..).unwrap_or_default();
    source.split(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).next().unwrap_or_default()
}

/// `declared`: the namespaces, by prefix, that the output declares at the elements above.
fn element<'a>(node: Node<'a, 'a>, form: &'a Form, declared: &mut Vec<(&'a str, &'a str)>, depth: usize, out: &mut String) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let source = node.document().input_text();
    let qualified = name(node);
    let mut attributes: Vec<_> = node.attributes().collect();
    attributes.sort_by_key(|attribute| (attribute.namespace().unwrap_or_default(), attribute.name()));
    let written = |range| source.get(range).unwrap_or_default();

    // The namespaces that the element uses and those of the prefix list, unless an element above declares them.
    let mut used: Vec<&str> = vec![prefix(qualified)];
    used.extend(attributes.iter().map(|attribute| prefix(written(attribute.range_qname()))).filter(|prefix| !prefix.is_empty()));
    used.extend(form.inclusive.iter().map(String::as_str));
    used.retain(|prefix| *prefix != "xml");
    used.sort_unstable();
    used.dedup();
    let above = declared.len();
    for prefix in used {
        let uri = node.lookup_namespace_uri((!prefix.is_empty()).then_some(prefix)).unwrap_or_default();
        let known = declared.iter().rev().find(|(known, _)| *known == prefix).map_or("", |(_, uri)| uri);
        if known != uri {
            declared.push((prefix, uri));
        }
    }

    out.push('<');
    out.push_str(qualified);
    for (prefix, uri) in declared.get(above..).unwrap_or_default() {
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
            NodeType::Element => element(child, form, declared, depth, out)?,
            NodeType::Text => content(child.text().unwrap_or_default(), out),
            NodeType::Comment if form.comments == Comments::Keep => {
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
    declared.truncate(above);
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
    fn attributes_are_sorted_and_values_are_escaped() {
        let written =
            canonical("<?xml version='1.0'?><a  z='1' b:y='&quot;&#10;' a='2' xmlns:b='urn:b' xmlns='urn:a'><c/>&gt;<![CDATA[<]]>\r\n</a>\n");
        assert_eq!(written, "<a xmlns=\"urn:a\" xmlns:b=\"urn:b\" a=\"2\" z=\"1\" b:y=\"&quot;&#xA;\"><c></c>&gt;&lt;\n</a>");
    }

    #[test]
    fn a_namespace_is_declared_where_it_is_used() {
        let text = "<a xmlns:b='urn:b' xmlns:unused='urn:u'><b:c><b:d xmlns:b='urn:other'/></b:c><b:c/></a>";
        assert_eq!(canonical(text), "<a><b:c xmlns:b=\"urn:b\"><b:d xmlns:b=\"urn:other\"></b:d></b:c><b:c xmlns:b=\"urn:b\"></b:c></a>");
        let undone = "<a xmlns='urn:a'><b xmlns=''><c/></b></a>";
        assert_eq!(canonical(undone), "<a xmlns=\"urn:a\"><b xmlns=\"\"><c></c></b></a>");
    }

    #[test]
    fn prefixes_of_the_prefix_list_are_declared_at_the_root() {
        let document = parse("<a xmlns:xs='urn:xs'><b t='xs:string'/></a>").unwrap();
        let form = Form { inclusive: vec!["xs".into(), "absent".into()], ..Form::default() };
        assert_eq!(write(document.root_element(), &form).unwrap(), "<a xmlns:xs=\"urn:xs\"><b t=\"xs:string\"></b></a>");
        let inner = document.root_element().first_element_child().unwrap();
        assert_eq!(write(inner, &form).unwrap(), "<b xmlns:xs=\"urn:xs\" t=\"xs:string\"></b>");
    }

    #[test]
    fn comments_are_omitted_and_processing_instructions_kept() {
        assert_eq!(canonical("<a><!-- no --><?do  this?></a>"), "<a><?do this?></a>");
    }

    #[test]
    fn an_element_with_too_many_levels_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        assert!(write(parse(&deep).unwrap().root_element(), &Form::default()).is_none());
    }

    #[test]
    fn xml_attributes_need_no_declaration() {
        assert_eq!(canonical("<a xml:lang='en'/>"), "<a xml:lang=\"en\"></a>");
    }
}
