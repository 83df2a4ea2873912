//! The groups of a region and which lets in which, as SVG: a column for each VPC, an arrow for each reference, and what is open to
//! everybody in red.

use crate::{
    rows::Group,
    rules::{Direction, Peer, Traffic},
    state::State,
};
use cloudlet_aws::Scope;
use cloudlet_reach::Cidr;
use std::{collections::BTreeMap, fmt::Write};

const WIDTH: usize = 300;
const GAP: usize = 160;
const LINE: usize = 16;

/// Text within XML.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            '"' => "&quot;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

fn traffic_text(traffic: &Traffic) -> String {
    match (traffic.protocol.as_str(), traffic.from, traffic.to) {
        ("-1", ..) => "all".to_owned(),
        (name @ ("tcp" | "udp"), from, to) if from == to => format!("{name} {from}"),
        (name @ ("tcp" | "udp"), 0, 65_535) => format!("{name} all"),
        (name @ ("tcp" | "udp"), from, to) => format!("{name} {from}-{to}"),
        (name, ..) => name.to_owned(),
    }
}

fn is_everybody(peer: &Peer) -> bool {
    matches!(peer, Peer::Block(cidr) if *cidr == Cidr::ALL_V4 || *cidr == Cidr::ALL_V6)
}

struct Placed<'s> {
    group: &'s Group,
    x: usize,
    y: usize,
    height: usize,
}

pub fn draw(state: &State, scope: &Scope, vpc: Option<&str>) -> String {
    let mut columns: BTreeMap<&str, Vec<(&str, &Group)>> = BTreeMap::new();
    for (id, group) in state.groups_of(scope).filter(|(_, group)| vpc.is_none_or(|vpc| group.vpc == vpc)) {
        columns.entry(&group.vpc).or_default().push((id, group));
    }
    let mut placed: BTreeMap<&str, Placed<'_>> = BTreeMap::new();
    let (mut height, mut x) = (120, 20);
    let mut titles = String::new();
    for (vpc, groups) in &columns {
        let _ = writeln!(titles, r#"<text x="{x}" y="24" font-weight="bold">{}</text>"#, escaped(vpc));
        let mut y = 40;
        for (id, group) in groups {
            let lines = group.rules.iter().filter(|rule| rule.direction == Direction::Ingress).count();
            let own = 36 + LINE * lines;
            placed.insert(id, Placed { group, x, y, height: own });
            y += own + 24;
        }
        height = height.max(y);
        x += WIDTH + GAP;
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <defs><marker id=\"tip\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>\n",
        x.max(200)
    );
    svg.push_str(&titles);
    for (id, at) in &placed {
        let ingress = || at.group.rules.iter().filter(|rule| rule.direction == Direction::Ingress);
        let is_open = ingress().any(|rule| is_everybody(&rule.traffic.peer));
        let (fill, stroke) = if is_open { ("#fdecea", "#c0392b") } else { ("#eef4fb", "#34699a") };
        let _ = writeln!(
            svg,
            r#"<rect x="{}" y="{}" width="{WIDTH}" height="{}" rx="4" fill="{fill}" stroke="{stroke}"/><text x="{}" y="{}" font-weight="bold">{} ({})</text>"#,
            at.x,
            at.y,
            at.height,
            at.x + 8,
            at.y + 18,
            escaped(&at.group.name),
            escaped(id)
        );
        for (index, rule) in ingress().enumerate() {
            let y = at.y + 36 + LINE * index;
            let peer = match &rule.traffic.peer {
                Peer::Block(cidr) => cidr.to_string(),
                Peer::PrefixList(id) | Peer::Group { id, .. } => id.clone(),
            };
            let color = if is_everybody(&rule.traffic.peer) { "#c0392b" } else { "#222" };
            let text = escaped(&format!("{} from {peer}", traffic_text(&rule.traffic)));
            let _ = writeln!(svg, r#"<text x="{}" y="{y}" fill="{color}">{text}</text>"#, at.x + 8);
            if let Peer::Group { id: other, .. } = &rule.traffic.peer
                && let Some(from) = placed.get(other.as_str()).filter(|_| other != id)
            {
                let _ = writeln!(
                    svg,
                    r##"<path d="M{},{} C{},{} {},{y} {},{y}" fill="none" stroke="#555" marker-end="url(#tip)"/>"##,
                    from.x + WIDTH,
                    from.y + 14,
                    from.x + WIDTH + GAP / 2,
                    from.y + 14,
                    at.x + WIDTH + GAP / 2,
                    at.x + WIDTH,
                );
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}
