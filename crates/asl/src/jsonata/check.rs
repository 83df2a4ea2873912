//! Reads an expression, refuses what AWS refuses, finds what it refers to, and puts charges where memory could grow without bound.

use super::expression::{Expression, Uses};
use jsonata_core::{ast::AstNode, parser};
use serde_json::{Value, json};

const LONGEST: usize = 65_536;
/// Room for the deepest tree that the parser gives.
const STACK: usize = 32 * 1024 * 1024;

/// The function around whatever is copied into a larger string or array; see [`super::functions`].
pub(super) const CHARGE: &str = "__charge";
pub(super) const CHARGE_PRODUCT: &str = "__chargeProduct";
pub(super) const LIMIT: &str = "__limit";

/// Functions whose result can be larger than their arguments, or which copy them.
const COPYING: [&str; 9] = ["append", "base64encode", "join", "merge", "pad", "replace", "reverse", "string", "zip"];

impl Expression {
    /// Reads an expression. The error is what AWS's diagnostic says.
    pub fn parse(text: &str) -> Result<Expression, String> {
        Expression::read(text, Context::Absent)
    }

    /// `Context::Any` is the whole language, for its own test suite.
    pub(super) fn read(text: &str, context: Context) -> Result<Expression, String> {
        if text.is_empty() {
            return Err("JSONata expression must not be empty".to_owned());
        }
        if text.len() > LONGEST {
            return Err("JSONata expression is too long".to_owned());
        }
        stacker::maybe_grow(STACK, STACK, || {
            let ast = parser::parse(text).map_err(|error| error.to_string())?;
            let mut tree = serde_json::to_value(&ast).map_err(|error| error.to_string())?;
            let mut walk = Walk { uses: Uses::default(), bound: Vec::new() };
            if context == Context::Absent {
                walk.check(&tree, false)?;
            }
            let mut uses = walk.uses;
            uses.variables.retain(|name| !walk.bound.contains(name));
            charge(&mut tree);
            let ast: AstNode = serde_json::from_value(tree).map_err(|error| error.to_string())?;
            Ok(Expression { text: text.to_owned(), ast, uses })
        })
    }

    pub(super) fn ast(&self) -> &AstNode {
        &self.ast
    }
}

/// Whether an expression has a value that `$` and bare names refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    Absent,
    #[cfg_attr(not(test), expect(dead_code, reason = "AWS has no context"))]
    Any,
}

struct Walk {
    uses: Uses,
    /// Variables that the expression binds itself: by `:=`, as parameters, by `@` and `#`.
    bound: Vec<String>,
}

impl Walk {
    /// `context`: whether there is a value that `$` and bare names refer to.
    fn check(&mut self, node: &Value, context: bool) -> Result<(), String> {
        let Value::Object(fields) = node else {
            return match node {
                Value::Array(items) => items.iter().try_for_each(|item| self.check(item, context)),
                // AWS: wildcards at the top level have no context either.
                Value::String(name) if !context && matches!(name.as_str(), "Wildcard" | "Descendant") => {
                    Err("Wildcards are not supported at the top level of a JSONata expression".to_owned())
                }
                _ => Ok(()),
            };
        };
        for (kind, content) in fields {
            match (kind.as_str(), content) {
                ("String" | "Number" | "Boolean" | "Regex" | "Parent", _) => {}
                ("Name", Value::String(name)) if !context => {
                    return Err(format!("Unqualified field names are not supported at the top level of a JSONata expression: {name}"));
                }
                ("Name", _) => {}
                ("Variable", Value::String(name)) if name.is_empty() => {
                    if !context {
                        return Err("'$' is not supported at the top level of a JSONata expression".to_owned());
                    }
                }
                ("Variable", Value::String(name)) if name == "$" => return Err("'$$' is not supported in a JSONata expression".to_owned()),
                ("ParentVariable", _) => return Err("'$$' is not supported in a JSONata expression".to_owned()),
                ("Variable", Value::String(name)) => self.variable(name),
                ("Path", content) => self.path(content, context)?,
                ("Function", content) => {
                    if content.get("name").and_then(Value::as_str) == Some("eval") {
                        return Err("The function '$eval' is not supported".to_owned());
                    }
                    self.check(content.get("args").unwrap_or(&Value::Null), context)?;
                }
                ("Lambda", content) => {
                    let parameters = content.get("params").and_then(Value::as_array);
                    self.bound.extend(parameters.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
                    self.check(content.get("body").unwrap_or(&Value::Null), context)?;
                }
                ("Binary", content) => {
                    let operator = content.get("op").and_then(Value::as_str).unwrap_or_default();
                    match operator {
                        // Operators of later versions than AWS's.
                        "Coalesce" => return Err("Syntax error: \"??\"".to_owned()),
                        "Default" => return Err("Syntax error: \"?:\"".to_owned()),
                        "ColonEqual" | "FocusBind" | "IndexBind" => {
                            let name = content.get("lhs").and_then(|target| target.get("Variable")).and_then(Value::as_str);
                            self.bound.extend(name.map(str::to_owned));
                        }
                        _ => {}
                    }
                    self.check(content.get("lhs").unwrap_or(&Value::Null), context)?;
                    self.check(content.get("rhs").unwrap_or(&Value::Null), context)?;
                }
                ("FunctionApplication", content) => self.check(content, true)?,
                ("Sort", content) => {
                    self.check(content.get("input").unwrap_or(&Value::Null), context)?;
                    self.check(content.get("terms").unwrap_or(&Value::Null), true)?;
                }
                ("ObjectTransform", content) => {
                    self.check(content.get("input").unwrap_or(&Value::Null), context)?;
                    self.check(content.get("pattern").unwrap_or(&Value::Null), true)?;
                }
                ("Transform", content) => self.check_fields(content, true)?,
                (_, content) => self.check_fields(content, context)?,
            }
        }
        Ok(())
    }

    fn check_fields(&mut self, content: &Value, context: bool) -> Result<(), String> {
        match content {
            Value::Object(fields) => fields.values().try_for_each(|field| self.check(field, context)),
            other => self.check(other, context),
        }
    }

    fn path(&mut self, content: &Value, context: bool) -> Result<(), String> {
        let steps = content.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, step) in steps.iter().enumerate() {
            let node = step.get("node").unwrap_or(&Value::Null);
            if index == 0 && node.get("Variable").and_then(Value::as_str) == Some("states") {
                let next = steps.get(1).and_then(|step| step.get("node")).and_then(|node| node.get("Name")).and_then(Value::as_str);
                self.uses.states.extend(next.map(str::to_owned));
            }
            for binding in ["focus", "index_var"] {
                self.bound.extend(step.get(binding).and_then(Value::as_str).map(str::to_owned));
            }
            self.check(node, context || index > 0)?;
            for stage in step.get("stages").and_then(Value::as_array).into_iter().flatten() {
                self.bound.extend(stage.get("Index").and_then(Value::as_str).map(str::to_owned));
                self.check(stage.get("Filter").unwrap_or(&Value::Null), true)?;
            }
        }
        Ok(())
    }

    fn variable(&mut self, name: &str) {
        if name != "states" && !self.uses.variables.iter().any(|known| known == name) {
            self.uses.variables.push(name.to_owned());
        }
    }
}

/// Wraps whatever is copied into something larger, everywhere in the tree.
fn charge(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(charge),
        Value::Object(fields) => {
            fields.values_mut().for_each(charge);
            for (kind, content) in fields.iter_mut() {
                match kind.as_str() {
                    "Binary" if content.get("op").and_then(Value::as_str) == Some("Concatenate") => {
                        for side in ["lhs", "rhs"] {
                            content.get_mut(side).into_iter().for_each(|side| wrap(side, CHARGE));
                        }
                    }
                    "Array" | "ArrayGroup" => content.as_array_mut().into_iter().flatten().for_each(|item| wrap(item, CHARGE)),
                    "Function" => charge_call(content),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn charge_call(content: &mut Value) {
    let name = content.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !COPYING.contains(&name.as_str()) {
        return;
    }
    let Some(arguments) = content.get_mut("args").and_then(Value::as_array_mut) else { return };
    match (name.as_str(), arguments.as_mut_slice()) {
        ("replace", [text, _, replacement, ..]) => {
            let both = json!([text.take(), replacement.clone()]);
            *text = json!({"Function": {"name": CHARGE_PRODUCT, "args": both, "is_builtin": true}});
        }
        ("pad", [_, width, ..]) => wrap(width, LIMIT),
        (_, arguments) => arguments.iter_mut().for_each(|argument| wrap(argument, CHARGE)),
    }
}

fn wrap(node: &mut Value, function: &str) {
    let grows = node.as_object().is_some_and(|fields| {
        let kind = fields.keys().next().map(String::as_str);
        let range = fields.get("Binary").and_then(|binary| binary.get("op")).and_then(Value::as_str) == Some("Range");
        !range && !matches!(kind, Some("String" | "Boolean" | "Array" | "Object" | "Lambda" | "Regex"))
    });
    if grows && (function == LIMIT || node.get("Number").is_none()) {
        let argument = node.take();
        *node = json!({"Function": {"name": function, "args": [argument], "is_builtin": true}});
    }
}
