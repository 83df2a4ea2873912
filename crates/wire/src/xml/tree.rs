//! An XML document as a flat list of nodes that borrow from the text. Bounded in depth, nodes and attributes; no DTDs.

use super::local;
use cloudlet_shape::{Mismatch, Read};
use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};
use std::borrow::Cow;

const MOST_DEPTH: usize = 128;
const MOST_NODES: usize = 1 << 20;
const MOST_ATTRIBUTES: usize = 64;

pub(super) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    attributes: Vec<(&'a str, String)>,
}

struct Node<'a> {
    /// Without its prefix.
    name: &'a str,
    text: Cow<'a, str>,
    attributes: (usize, usize),
    first_child: Option<usize>,
    next: Option<usize>,
}

impl<'a> Tree<'a> {
    pub(super) const ROOT: usize = 0;

    pub(super) fn parse(input: &'a str) -> Read<Tree<'a>> {
        let mut reader = Reader::from_str(input);
        reader.config_mut().check_comments = false;
        let mut tree = Tree { nodes: Vec::new(), attributes: Vec::new() };
        // The open elements, each with its latest child.
        let mut open: Vec<(usize, Option<usize>)> = Vec::new();
        loop {
            match reader.read_event().map_err(malformed)? {
                Event::Start(start) => {
                    if open.len() >= MOST_DEPTH {
                        return Err(Mismatch::Malformed("too deep".into()));
                    }
                    let node = tree.add(input, &start, &mut open)?;
                    open.push((node, None));
                }
                Event::Empty(start) => {
                    tree.add(input, &start, &mut open)?;
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Text(text) => tree.text(&open, text.xml10_content())?,
                Event::CData(text) => tree.text(&open, text.xml10_content())?,
                Event::GeneralRef(reference) => tree.text(&open, Cow::Owned(resolve(&reference)?))?,
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                // A document type can define entities that grow without bound.
                Event::DocType(_) => return Err(Mismatch::Malformed("document types are not allowed".into())),
                Event::Eof if open.is_empty() && !tree.nodes.is_empty() => return Ok(tree),
                Event::Eof => return Err(Mismatch::Malformed("the document ends too early".into())),
            }
        }
    }

    fn add(&mut self, input: &'a str, start: &BytesStart<'_>, open: &mut [(usize, Option<usize>)]) -> Read<usize> {
        let index = self.nodes.len();
        if index >= MOST_NODES || (open.is_empty() && index > 0) {
            return Err(Mismatch::Malformed("more than one document".into()));
        }
        let from = self.attributes.len();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(malformed)?;
            if self.attributes.len() - from >= MOST_ATTRIBUTES {
                return Err(Mismatch::Malformed("too many attributes".into()));
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(malformed)?.into_owned();
            self.attributes.push((within(input, local(attribute.key.0))?, value));
        }
        let name = within(input, local(start.name().0))?;
        self.nodes.push(Node { name, text: Cow::Borrowed(""), attributes: (from, self.attributes.len()), first_child: None, next: None });
        if let Some((parent, latest)) = open.last_mut() {
            match latest.and_then(|sibling| self.nodes.get_mut(sibling)) {
                Some(sibling) => sibling.next = Some(index),
                None => {
                    if let Some(parent) = self.nodes.get_mut(*parent) {
                        parent.first_child = Some(index);
                    }
                }
            }
            *latest = Some(index);
        }
        Ok(index)
    }

    fn text(&mut self, open: &[(usize, Option<usize>)], text: Cow<'a, str>) -> Read<()> {
        match open.last().and_then(|(node, _)| self.nodes.get_mut(*node)) {
            Some(node) if node.text.is_empty() => node.text = text,
            Some(node) => node.text.to_mut().push_str(&text),
            None if text.trim().is_empty() => {}
            None => return Err(Mismatch::Malformed("text outside of the document".into())),
        }
        Ok(())
    }

    pub(super) fn name(&self, node: usize) -> &'a str {
        self.nodes.get(node).map_or("", |node| node.name)
    }

    pub(super) fn content(&self, node: usize) -> &str {
        self.nodes.get(node).map_or("", |node| &node.text)
    }

    pub(super) fn is_leaf(&self, node: usize) -> bool {
        self.nodes.get(node).is_none_or(|node| node.first_child.is_none())
    }

    pub(super) fn attribute(&self, node: usize, name: &str) -> Option<&str> {
        let (from, to) = self.nodes.get(node)?.attributes;
        self.attributes.get(from..to)?.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        self.from(self.nodes.get(node).and_then(|node| node.first_child))
    }

    /// A node and the siblings after it.
    pub(super) fn from(&self, first: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(first, |node| self.nodes.get(*node)?.next)
    }
}

/// The same text, borrowed from the input for as long as the input lives.
fn within<'a>(input: &'a str, part: &str) -> Read<&'a str> {
    let offset = (part.as_ptr() as usize).wrapping_sub(input.as_ptr() as usize);
    input.get(offset..offset.saturating_add(part.len())).filter(|found| *found == part).ok_or_else(|| Mismatch::Malformed("misplaced name".into()))
}

fn resolve(reference: &BytesRef<'_>) -> Read<String> {
    if let Some(letter) = reference.resolve_char_ref().map_err(malformed)? {
        return Ok(letter.to_string());
    }
    let name = reference.xml10_content();
    resolve_predefined_entity(&name).map(str::to_owned).ok_or_else(|| Mismatch::Malformed(format!("unknown entity {name}")))
}

fn malformed(error: impl std::fmt::Display) -> Mismatch {
    Mismatch::Malformed(error.to_string())
}
