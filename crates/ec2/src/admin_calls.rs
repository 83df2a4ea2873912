//! `/_cloudlet/ec2/*`: would a packet pass, packets that are played, the rules of an interface for nftables, and a picture of the groups.

use crate::reachability::{
    DrawGroups, DrawInput, ExportInput, ExportRules, PlayInput, PlayOutput, PlayPackets, Reach, ReachInput, ReachOutput, TextOutput,
};
use cloudlet_engine::{AdminCall, AdminMethod, AdminOperation, AdminRequest, Page};
use serde_json::{Value, json};
use std::sync::Arc;

const PLAIN: &str = "text/plain; charset=utf-8";

/// Each path and what is called there.
pub fn all() -> [(&'static str, Arc<dyn AdminCall>); 4] {
    [
        (
            "/_cloudlet/ec2/reachable",
            Arc::new(AdminOperation::<Reach> {
                method: AdminMethod::Get,
                parameters: &["from", "to", "port", "source_port", "protocol", "format"],
                read: question,
                show: verdict,
            }),
        ),
        (
            "/_cloudlet/ec2/packets",
            Arc::new(AdminOperation::<PlayPackets> {
                method: AdminMethod::Post,
                parameters: &[],
                // One packet a line: `tcp 10.0.0.5 10.0.1.6 40000 443`.
                read: |request| Ok(PlayInput { packets: request.body.clone() }),
                show: records,
            }),
        ),
        (
            "/_cloudlet/ec2/nftables",
            Arc::new(AdminOperation::<ExportRules> {
                method: AdminMethod::Get,
                parameters: &["interface"],
                read: |request| Ok(ExportInput { interface: request.text("interface").ok_or("The parameter interface is missing: eni-…")? }),
                show: |_, answer| Ok(text(PLAIN, answer)),
            }),
        ),
        (
            "/_cloudlet/ec2/graph",
            Arc::new(AdminOperation::<DrawGroups> {
                method: AdminMethod::Get,
                parameters: &["vpc"],
                read: |request| Ok(DrawInput { vpc: request.text("vpc") }),
                show: |_, answer| Ok(text("image/svg+xml", answer)),
            }),
        ),
    ]
}

fn text(content_type: &'static str, answer: TextOutput) -> Page {
    Page { content_type, text: answer.text }
}

fn question(request: &AdminRequest) -> Result<ReachInput, String> {
    match request.text("format").as_deref() {
        None | Some("json" | "text") => {}
        Some(other) => return Err(format!("format={other} is neither json nor text")),
    }
    let needed = |name: &str| request.text(name).ok_or_else(|| format!("The parameter {name} is missing: eni-…, i-…, an address, or internet."));
    Ok(ReachInput {
        from: needed("from")?,
        to: needed("to")?,
        protocol: request.text("protocol"),
        port: request.number("port")?,
        source_port: request.number("source_port")?,
    })
}

#[expect(clippy::unnecessary_wraps, reason = "as pages are shown")]
fn verdict(request: &AdminRequest, answer: ReachOutput) -> Result<Page, String> {
    Ok(match request.text("format").as_deref() {
        Some("text") => Page { content_type: PLAIN, text: answer.text },
        _ => Page { content_type: "application/json", text: answer.verdict },
    })
}

#[expect(clippy::unnecessary_wraps, reason = "as pages are shown")]
fn records(_: &AdminRequest, answer: PlayOutput) -> Result<Page, String> {
    let records: Value = serde_json::from_str(&answer.records).unwrap_or_default();
    Ok(Page { content_type: "application/json", text: json!({ "records": records, "objects": answer.objects }).to_string() })
}
