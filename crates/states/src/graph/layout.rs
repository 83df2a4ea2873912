//! Where states and arrows are drawn: layers from the first state down, the states of branches inside their state.

use super::outcomes::Outcome;
use cloudlet_asl::definition::{Detail, State, States};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
};

const GAP: f64 = 32.0;
const PADDING: f64 = 16.0;
const NODE_HEIGHT: f64 = 40.0;
const LETTER: f64 = 7.5;

/// A state and where it is, relative to its scope.
struct Node<'d> {
    state: &'d State,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    inside: Vec<Scope<'d>>,
}

struct Scope<'d> {
    nodes: Vec<Node<'d>>,
    width: f64,
    height: f64,
}

/// The states that a state can lead to.
fn targets(state: &State) -> Vec<&str> {
    let mut out: Vec<&str> = state.next.as_deref().into_iter().collect();
    if let Detail::Choice { rules, default } = &state.detail {
        out.extend(rules.iter().map(|rule| rule.next.as_str()).chain(default.as_deref()));
    }
    out.extend(state.catch.iter().map(|catcher| catcher.next.as_str()));
    out.sort_unstable();
    out.dedup();
    out
}

/// The layer of each state: how far it is from the first. Loops end where they began.
fn layers(scope: &States) -> Vec<Vec<&State>> {
    let mut depth: HashMap<&str, usize> = HashMap::new();
    let mut out: Vec<Vec<&State>> = Vec::new();
    let mut next: Vec<&str> = vec![scope.start_at.as_str()];
    while !next.is_empty() {
        let mut layer = Vec::new();
        let mut after = Vec::new();
        for name in next {
            if depth.contains_key(name) {
                continue;
            }
            let Some(state) = scope.states.get(name) else { continue };
            depth.insert(name, out.len());
            layer.push(state);
            after.extend(targets(state));
        }
        if !layer.is_empty() {
            out.push(layer);
        }
        next = after;
    }
    out
}

fn scope(of: &States) -> Scope<'_> {
    let mut rows: Vec<Vec<Node<'_>>> = Vec::new();
    let (mut width, mut y): (f64, f64) = (0.0, 0.0);
    for layer in layers(of) {
        let mut row: Vec<Node<'_>> = layer.into_iter().map(node).collect();
        let total = row.iter().map(|node| node.width).sum::<f64>() + GAP * (row.len().saturating_sub(1)) as f64;
        let height = row.iter().map(|node| node.height).fold(0.0, f64::max);
        let mut x = 0.0;
        for node in &mut row {
            (node.x, node.y) = (x, y);
            x += node.width + GAP;
        }
        width = width.max(total);
        y += height + GAP;
        rows.push(row);
    }
    for row in &mut rows {
        let used = row.last().map_or(0.0, |last| last.x + last.width);
        row.iter_mut().for_each(|node| node.x += (width - used) / 2.0);
    }
    Scope { nodes: rows.into_iter().flatten().collect(), width, height: (y - GAP).max(0.0) }
}

fn node(state: &State) -> Node<'_> {
    let own = (state.name.chars().count().max(state.kind.name().len() + 2) as f64).mul_add(LETTER, 2.0 * PADDING);
    let inside: Vec<Scope<'_>> = state.nested().into_iter().map(scope).collect();
    if inside.is_empty() {
        return Node { state, x: 0.0, y: 0.0, width: own, height: NODE_HEIGHT, inside };
    }
    let width = inside.iter().map(|scope| scope.width).sum::<f64>() + GAP * (inside.len() - 1) as f64 + 2.0 * PADDING;
    let height = inside.iter().map(|scope| scope.height).fold(0.0, f64::max) + NODE_HEIGHT + 2.0 * PADDING;
    Node { state, x: 0.0, y: 0.0, width: width.max(own), height, inside }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn draw(scope: &Scope<'_>, (left, top): (f64, f64), outcomes: &BTreeMap<String, Outcome>, out: &mut String) {
    let places: HashMap<&str, &Node<'_>> = scope.nodes.iter().map(|node| (node.state.name.as_str(), node)).collect();
    for node in &scope.nodes {
        let (x, y) = (left + node.x, top + node.y);
        let outcome = outcomes.get(&node.state.name).map_or("waiting", |outcome| outcome.name());
        let name = escaped(&node.state.name);
        let middle = x + node.width / 2.0;
        let _ = write!(out, "<g class=\"state {outcome}\" data-state=\"{name}\"><title>{name}: {outcome}</title>");
        let _ = write!(out, "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{:.0}\" height=\"{:.0}\" rx=\"6\"/>", node.width, node.height);
        let _ = write!(out, "<text x=\"{middle:.0}\" y=\"{:.0}\">{name}</text>", y + 17.0);
        let _ = writeln!(out, "<text class=\"kind\" x=\"{middle:.0}\" y=\"{:.0}\">{}</text></g>", y + 32.0, node.state.kind.name());
        let used = node.inside.iter().map(|scope| scope.width).sum::<f64>() + GAP * node.inside.len().saturating_sub(1) as f64;
        let mut inner = x + (node.width - used) / 2.0;
        for scope in &node.inside {
            draw(scope, (inner, y + NODE_HEIGHT + PADDING / 2.0), outcomes, out);
            inner += scope.width + GAP;
        }
        for target in targets(node.state) {
            let Some(target) = places.get(target) else { continue };
            arrow(node, target, (left, top), out);
        }
    }
}

fn arrow(from: &Node<'_>, to: &Node<'_>, (left, top): (f64, f64), out: &mut String) {
    let (x1, y1) = (left + from.x + from.width / 2.0, top + from.y + from.height);
    let (x2, y2) = (left + to.x + to.width / 2.0, top + to.y);
    if y2 > y1 {
        let bend = (y2 - y1) / 2.0;
        let _ = writeln!(out, "<path d=\"M{x1:.0},{y1:.0} C{x1:.0},{:.0} {x2:.0},{:.0} {x2:.0},{y2:.0}\"/>", y1 + bend, y2 - bend);
    } else {
        // Back, or to a state of the same layer: around the right.
        let (x1, y1) = (left + from.x + from.width, top + from.y + from.height / 2.0);
        let (x2, y2) = (left + to.x + to.width, top + to.y + to.height / 2.0);
        let around = x1.max(x2) + GAP;
        let _ = writeln!(out, "<path d=\"M{x1:.0},{y1:.0} C{around:.0},{y1:.0} {around:.0},{y2:.0} {x2:.0},{y2:.0}\"/>");
    }
}

const STYLE: &str = "text{font:13px sans-serif;text-anchor:middle;fill:#1b1f24}.kind{font-size:10px;fill:#57606a}\
.title{font-weight:bold;text-anchor:start}rect{fill:#fff;stroke:#8c959f;stroke-width:1.5}path{fill:none;stroke:#57606a;marker-end:url(#end)}\
.succeeded>rect{fill:#dafbe1;stroke:#1a7f37}.failed>rect{fill:#ffebe9;stroke:#cf222e}.caught>rect{fill:#fff1e5;stroke:#bc4c00}\
.running>rect{fill:#ddf4ff;stroke:#0969da}.aborted>rect{fill:#eaeef2;stroke:#57606a}";

/// The whole picture.
pub fn svg(states: &States, outcomes: &BTreeMap<String, Outcome>, title: &str) -> String {
    let whole = scope(states);
    let width = whole.width.max(title.chars().count() as f64 * LETTER).max(420.0) + 4.0 * GAP;
    let height = whole.height + 4.0 * GAP;
    let mut out =
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n");
    let _ = writeln!(out, "<style>{STYLE}</style>");
    out.push_str("<defs><marker id=\"end\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0,0 L10,5 L0,10 z\" style=\"fill:#57606a;stroke:none;marker-end:none\"/></marker></defs>\n");
    let _ = writeln!(out, "<text class=\"title\" x=\"{PADDING:.0}\" y=\"24\">{}</text>", escaped(title));
    let all = [Outcome::Succeeded, Outcome::Failed, Outcome::Caught, Outcome::Running, Outcome::Aborted];
    for (index, outcome) in all.into_iter().enumerate() {
        let x = index as f64 * 84.0 + PADDING;
        let name = outcome.name();
        let _ = write!(out, "<g class=\"{name}\"><rect x=\"{x:.0}\" y=\"{:.0}\" width=\"10\" height=\"10\"/>", height - 22.0);
        let _ = writeln!(out, "<text class=\"kind\" style=\"text-anchor:start\" x=\"{:.0}\" y=\"{:.0}\">{name}</text></g>", x + 15.0, height - 13.0);
    }
    draw(&whole, ((width - whole.width) / 2.0, 1.5 * GAP), outcomes, &mut out);
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_asl::definition::{WorkflowType, read};
    use serde_json::json;

    #[test]
    fn states_are_drawn_with_their_outcome_and_loops_end() {
        let text = json!({"StartAt": "A<b>", "States": {
            "A<b>": {"Type": "Pass", "Next": "P"},
            "P": {"Type": "Parallel", "Next": "C", "Branches": [{"StartAt": "I", "States": {"I": {"Type": "Pass", "End": true}}}]},
            "C": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "A<b>"}], "Default": "E"},
            "E": {"Type": "Succeed"}}});
        let definition = read(&text.to_string(), WorkflowType::Standard, &|_| true).unwrap();
        let outcomes = BTreeMap::from([("I".to_owned(), Outcome::Failed), ("A<b>".to_owned(), Outcome::Succeeded)]);
        let svg = svg(&definition.states, &outcomes, "one & two");
        assert!(svg.contains("class=\"state succeeded\" data-state=\"A&lt;b&gt;\""), "{svg}");
        assert!(svg.contains("class=\"state failed\" data-state=\"I\""));
        assert!(svg.contains("class=\"state waiting\" data-state=\"E\""));
        assert!(svg.contains("one &amp; two"));
    }
}
