//! Reading XML. Namespaces are ignored: AWS's clients disagree about them.

use super::{element_name, local, tree::Tree};
use crate::{
    Missing,
    path::{Path, Step},
    text::Text,
};
use cloudlet_shape::{Blob, Body, Document, Events, Flags, Kind, Mismatch, Read, Reader, Schema, Target, Timestamp, TimestampFormat};

/// Reads a document: `visit` gets its root. `at` is where the root stands in the input.
pub(crate) fn read(bytes: &[u8], at: Path, visit: &mut dyn FnMut(&str, &mut dyn Reader) -> Read<()>) -> Read<Missing> {
    let text = std::str::from_utf8(bytes).map_err(|_| Mismatch::Malformed("not UTF-8".into()))?;
    let tree = Tree::parse(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let mut context = Context { path: at, missing: Missing::default() };
    visit(tree.name(Tree::ROOT), &mut XmlValue { tree: &tree, spot: Spot::Element(Tree::ROOT), context: &mut context })?;
    Ok(context.missing)
}

struct Context {
    path: Path,
    missing: Missing,
}

/// A value in a document.
struct XmlValue<'t, 'a, 'c> {
    tree: &'t Tree<'a>,
    spot: Spot<'t>,
    context: &'c mut Context,
}

#[derive(Clone, Copy)]
enum Spot<'t> {
    Element(usize),
    /// This element and all its later siblings of the same name: a flattened list or map.
    Repeated(usize),
    Attribute(&'t str),
}

impl<'t, 'a> XmlValue<'t, 'a, '_> {
    fn content(&self) -> Read<Text<'t>> {
        let text = match self.spot {
            Spot::Element(node) | Spot::Repeated(node) if self.tree.is_leaf(node) => self.tree.content(node),
            Spot::Element(node) | Spot::Repeated(node) => {
                return Err(Mismatch::Wrong { wanted: "text", at: self.tree.name(node).to_owned() });
            }
            Spot::Attribute(text) => text,
        };
        Ok(Text { text, timestamps: TimestampFormat::DateTime })
    }

    fn at<'c>(&'c mut self, node: usize) -> XmlValue<'t, 'a, 'c> {
        XmlValue { tree: self.tree, spot: Spot::Element(node), context: self.context }
    }

    /// The elements of a list's items or a map's entries.
    fn elements(&self, name: &'static str) -> Read<Vec<usize>> {
        match self.spot {
            Spot::Element(node) => {
                let expected = |child: usize| match self.tree.name(child) {
                    found if [name, "member"].contains(&found) => Ok(child),
                    found => Err(Mismatch::Malformed(format!("unexpected element {found}"))),
                };
                self.tree.children(node).map(expected).collect()
            }
            Spot::Repeated(first) => {
                let name = self.tree.name(first);
                Ok(self.tree.from(Some(first)).filter(|node| self.tree.name(*node) == name).collect())
            }
            Spot::Attribute(_) => Ok(Vec::new()),
        }
    }
}

impl Reader for XmlValue<'_, '_, '_> {
    crate::partial::reads_text!(content: boolean integer float text blob timestamp document body events);

    fn list(&mut self, of: &'static Target, each: &mut dyn FnMut(&mut dyn Reader) -> Read<()>) -> Read<()> {
        for (index, node) in self.elements(of.item_name)?.into_iter().enumerate() {
            self.context.path.push(Step::Item(index));
            each(&mut self.at(node))?;
            self.context.path.pop();
        }
        Ok(())
    }

    fn map(&mut self, of: &'static Target, each: &mut dyn FnMut(String, &mut dyn Reader) -> Read<()>) -> Read<()> {
        for entry in self.elements("entry")? {
            let child = |name: &str| self.tree.children(entry).find(|child| self.tree.name(*child) == name);
            let key = child(of.key_name).ok_or_else(|| Mismatch::Malformed(format!("an entry without {}", of.key_name)))?;
            let key = self.tree.content(key).to_owned();
            if let Some(value) = child(of.item_name) {
                self.context.path.push(Step::Entry(key.clone()));
                each(key, &mut self.at(value))?;
                self.context.path.pop();
            }
        }
        Ok(())
    }

    fn structure(&mut self, schema: &'static Schema, each: &mut dyn FnMut(usize, &mut dyn Reader) -> Read<()>) -> Read<()> {
        let Spot::Element(parent) = self.spot else { return Err(Mismatch::Malformed("a structure in an attribute".into())) };
        let mut gathered = vec![false; schema.members.len()];
        for child in self.tree.children(parent) {
            let name = self.tree.name(child);
            let is = |member: &cloudlet_shape::Member| {
                !member.flags.has(Flags::XML_ATTRIBUTE)
                    && (element_name(member) == name || (member.flattened() && [member.wire, member.of.item_name].contains(&name)))
            };
            // AWS: documents are validated against a schema.
            let unexpected = || Mismatch::Malformed(format!("unexpected element {name}"));
            let (index, member) = schema.members.iter().enumerate().find(|(_, member)| is(member)).ok_or_else(unexpected)?;
            let repeated = member.flattened() && matches!(member.of.kind, Kind::List | Kind::Map);
            if gathered.get_mut(index).is_some_and(|done| std::mem::replace(done, true)) {
                if repeated {
                    continue;
                }
                return Err(unexpected());
            }
            let spot = if repeated { Spot::Repeated(child) } else { Spot::Element(child) };
            self.context.path.push(Step::Member(member.name));
            each(index, &mut XmlValue { tree: self.tree, spot, context: self.context })?;
            self.context.path.pop();
        }
        for (index, member) in schema.members.iter().enumerate().filter(|(_, member)| member.flags.has(Flags::XML_ATTRIBUTE)) {
            if let Some(text) = self.tree.attribute(parent, local(member.wire)) {
                self.context.path.push(Step::Member(member.name));
                each(index, &mut XmlValue { tree: self.tree, spot: Spot::Attribute(text), context: self.context })?;
                self.context.path.pop();
            }
        }
        Ok(())
    }

    fn missing(&mut self, schema: &'static Schema, index: usize) {
        self.context.missing.add(&self.context.path, schema, index);
    }
}
