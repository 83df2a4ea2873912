//! What the admin API asks beside EC2's operations: would a packet pass, what do packets leave in flow logs, the rules of an interface for
//! nftables, and a picture of the groups. These operations are in no model, and no request can name them.

pub use own::{DrawGroups, ExportRules, PlayPackets, Reach};

use crate::{engine::Ec2, faults::invalid_value, flow_logs, graph, lookups, state::State, topology};
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Permission, handler};
use cloudlet_reach::{self as reach, EPHEMERAL, Location, Player, Question, SOMEBODY};
use cloudlet_shape::Shape;

/// A file of packets has no more.
const MOST_PACKETS: usize = 10_000;

#[derive(Shape, Clone, Default)]
pub struct ReachInput {
    /// `eni-…`, `i-…`, `internet`, or an address.
    pub from: String,
    pub to: String,
    /// `tcp` without one.
    pub protocol: Option<String>,
    /// For ICMP the type.
    pub port: Option<i32>,
    pub source_port: Option<i32>,
}

#[derive(Shape, Clone, Default)]
pub struct ReachOutput {
    pub passes: bool,
    /// The verdict as JSON.
    pub verdict: String,
    /// The same for people.
    pub text: String,
}

#[derive(Shape, Clone, Default)]
pub struct PlayInput {
    pub packets: String,
}

#[derive(Shape, Clone, Default)]
pub struct PlayOutput {
    /// As JSON.
    pub records: String,
    /// The objects that were written.
    pub objects: Vec<String>,
}

#[derive(Shape, Clone, Default)]
pub struct ExportInput {
    pub interface: String,
}

#[derive(Shape, Clone, Default)]
pub struct TextOutput {
    pub text: String,
}

#[derive(Shape, Clone, Default)]
pub struct DrawInput {
    pub vpc: Option<String>,
}

mod own {
    use super::{DrawInput, ExportInput, PlayInput, PlayOutput, ReachInput, ReachOutput, TextOutput};
    use cloudlet_shape::operations;

    operations! { cloudlet_api_ec2::SERVICE;
        Reach(ReachInput) -> ReachOutput {}
        PlayPackets(PlayInput) -> PlayOutput {}
        ExportRules(ExportInput) -> TextOutput {}
        DrawGroups(DrawInput) -> TextOutput {}
    }
}

/// An end of a question as people write it.
fn place(state: &State, cx: &Cx, text: &str) -> Result<Location, Fault> {
    if text == "internet" {
        return Ok(Location::Internet(SOMEBODY));
    }
    if let Some(address) = text.strip_prefix("internet:") {
        return address.parse().map(Location::Internet).map_err(|_| invalid_value(format!("'{address}' is no address")));
    }
    if let Ok(address) = text.parse() {
        return Ok(Location::Address(address));
    }
    if text.starts_with("i-") {
        lookups::find_instance(state, cx, text)?;
        let own = lookups::of_instance(state, &cx.scope, text);
        let primary = own.min_by_key(|(_, row)| row.attachment.as_ref().map(|of| of.index));
        let primary = primary.ok_or_else(|| invalid_value(format!("the instance {text} has no interface")))?;
        return Ok(Location::Interface(primary.0.into()));
    }
    if text.starts_with("eni-") {
        state.find::<crate::rows::Interface>(&cx.scope, text)?;
        return Ok(Location::Interface(text.into()));
    }
    Err(invalid_value(format!("'{text}' is no interface (eni-…), instance (i-…), address, or internet")))
}

fn port(given: Option<i32>, default: u16) -> Result<u16, Fault> {
    match given {
        None => Ok(default),
        Some(number) => u16::try_from(number).map_err(|_| invalid_value(format!("{number} is no port"))),
    }
}

handler!(Ec2, Reach, |ec2, cx, input| Ok(Permission::none()), |ec2, cx, input| {
    ec2.begin(cx, None)?;
    let protocol = input.protocol.as_deref().unwrap_or("tcp").to_ascii_lowercase();
    let number = topology::protocol(&protocol).ok_or_else(|| invalid_value(format!("'{protocol}' is no protocol")))?;
    let is_icmp = matches!(number, 1 | 58);
    let (source_port, destination_port) = match is_icmp {
        true => (port(input.port, if number == 1 { 8 } else { 128 })?, 0),
        false => (port(input.source_port, EPHEMERAL)?, port(input.port, 0)?),
    };
    let verdict = ec2.store.read(|state| {
        let (from, to) = (place(state, cx, &input.from)?, place(state, cx, &input.to)?);
        let network = topology::network(state, &cx.scope, cx.now);
        Ok::<_, Fault>(reach::trace(&network, &Question { from, to, protocol: number, source_port, destination_port }))
    })?;
    let json = serde_json::to_string(&verdict).map_err(Fault::internal)?;
    Ok(ReachOutput { passes: verdict.passes, verdict: json, text: verdict.in_words() })
});

handler!(Ec2, PlayPackets, |ec2, cx, input| Ok(Permission::none()), |ec2, cx, input| {
    ec2.begin(cx, None)?;
    let packets = reach::read_packets(&input.packets, MOST_PACKETS).map_err(invalid_value)?;
    let network = ec2.store.read(|state| topology::network(state, &cx.scope, cx.now));
    let mut player = Player::new(&network);
    let records: Vec<reach::Record> = packets.into_iter().flat_map(|packet| player.play(packet)).collect();
    let objects = flow_logs::deliver(ec2, cx, &records).await?;
    let json = serde_json::to_string(&records).map_err(Fault::internal)?;
    Ok(PlayOutput { records: json, objects })
});

handler!(Ec2, ExportRules, |ec2, cx, input| Ok(Permission::none()), |ec2, cx, input| {
    ec2.begin(cx, None)?;
    let network = ec2.store.read(|state| {
        state.find::<crate::rows::Interface>(&cx.scope, &input.interface)?;
        Ok::<_, Fault>(topology::network(state, &cx.scope, cx.now))
    })?;
    Ok(TextOutput { text: reach::nftables(&network, &input.interface).unwrap_or_default() })
});

handler!(Ec2, DrawGroups, |ec2, cx, input| Ok(Permission::none()), |ec2, cx, input| {
    ec2.begin(cx, None)?;
    Ok(TextOutput { text: ec2.store.read(|state| graph::draw(state, &cx.scope, input.vpc.as_deref())) })
});
