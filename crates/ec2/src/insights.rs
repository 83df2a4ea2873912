//! Network Insights: paths and analyses, answered by the packet filter.
//! <https://docs.aws.amazon.com/vpc/latest/reachability/what-is-reachability-analyzer.html>

pub mod components;

use crate::{
    client_tokens::ClientToken,
    describing::{self, describes, shown},
    engine::Ec2,
    faults::{self, invalid_value, refuse},
    lookups, permissions,
    rows::{InsightsAnalysis, InsightsPath, Instance, Interface, InternetGateway, PathFilterRow},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags, topology,
};
use cloudlet_api_ec2::{
    self as api, CreateNetworkInsightsPath, DeleteNetworkInsightsAnalysis, DeleteNetworkInsightsPath, DescribeNetworkInsightsAnalyses,
    DescribeNetworkInsightsPaths, StartNetworkInsightsAnalysis,
};
use cloudlet_aws::{Arn, Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, handler, paging::Paging};
use cloudlet_reach::{self as reach, Location, Question, Verdict};
use components::{components, explanation};
use std::{net::IpAddr, sync::Arc};

/// How long an analysis runs.
const RUNS: i64 = 2_000;

impl Resource for InsightsPath {
    const KIND: Kind = Kind {
        prefix: "nip",
        name: "network-insights-path",
        missing: "InvalidNetworkInsightsPathId.NotFound",
        says: ("The networkInsightsPath ID '", "' does not exist"),
        malformed: "InvalidNetworkInsightsPathId.Malformed",
    };
    const FILTERS: &'static [FilterOf<InsightsPath>] = &[
        ("destination", |path, _| path.destination.iter().cloned().collect()),
        ("filter-at-source.source-address", |path, _| path.filter_at_source.iter().filter_map(|filter| filter.source_address.clone()).collect()),
        ("filter-at-source.destination-address", |path, _| {
            path.filter_at_source.iter().filter_map(|filter| filter.destination_address.clone()).collect()
        }),
        ("filter-at-destination.source-address", |path, _| {
            path.filter_at_destination.iter().filter_map(|filter| filter.source_address.clone()).collect()
        }),
        ("filter-at-destination.destination-address", |path, _| {
            path.filter_at_destination.iter().filter_map(|filter| filter.destination_address.clone()).collect()
        }),
        ("protocol", |path, _| vec![path.protocol.clone()]),
        ("source", |path, _| vec![path.source.clone()]),
    ];
    type Shown = api::NetworkInsightsPath;

    in_table!(paths, InsightsPath);

    fn shown(&self, at: &At<'_>) -> api::NetworkInsightsPath {
        api::NetworkInsightsPath {
            network_insights_path_id: Some(at.id.to_owned()),
            network_insights_path_arn: permissions::arn_text(at.scope, "network-insights-path", at.id),
            created_date: Some(self.made),
            source: Some(self.source.clone()),
            source_arn: arn_of(at.scope, &self.source),
            destination: self.destination.clone(),
            destination_arn: self.destination.as_deref().and_then(|id| arn_of(at.scope, id)),
            source_ip: self.source_ip.clone(),
            destination_ip: self.destination_ip.clone(),
            protocol: Some(self.protocol.clone()),
            destination_port: self.destination_port,
            filter_at_source: self.filter_at_source.as_ref().map(shown_filter),
            filter_at_destination: self.filter_at_destination.as_ref().map(shown_filter),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

fn kind_of(id: &str) -> Option<&'static str> {
    Some(match id.split('-').next()? {
        "i" => "instance",
        "eni" => "network-interface",
        "igw" => "internet-gateway",
        "vpce" => "vpc-endpoint",
        "pcx" => "vpc-peering-connection",
        _ => return None,
    })
}

fn arn_of(scope: &Scope, id: &str) -> Option<String> {
    permissions::arn_text(scope, kind_of(id)?, id)
}

fn shown_filter(row: &PathFilterRow) -> api::PathFilter {
    let range = |ports: Option<(i32, i32)>| ports.map(|(from, to)| api::FilterPortRange { from_port: Some(from), to_port: Some(to) });
    api::PathFilter {
        source_address: row.source_address.clone(),
        source_port_range: range(row.source_ports),
        destination_address: row.destination_address.clone(),
        destination_port_range: range(row.destination_ports),
    }
}

fn read_filter(given: api::PathRequestFilter) -> Result<PathFilterRow, Fault> {
    let range = |range: Option<api::RequestFilterPortRange>| range.map(|range| (range.from_port.unwrap_or(0), range.to_port.unwrap_or(65_535)));
    let row = PathFilterRow {
        source_address: given.source_address,
        source_ports: range(given.source_port_range),
        destination_address: given.destination_address,
        destination_ports: range(given.destination_port_range),
    };
    for text in [&row.source_address, &row.destination_address].into_iter().flatten() {
        read_address(text)?;
    }
    for (from, to) in [row.source_ports, row.destination_ports].into_iter().flatten() {
        if !(0..=65_535).contains(&from) || !(0..=65_535).contains(&to) || from > to {
            // AWS: unverified wording.
            return Err(invalid_value(format!("Invalid port range {from}-{to}.")));
        }
    }
    Ok(row)
}

/// An address, or the first of a block.
fn read_address(text: &str) -> Result<IpAddr, Fault> {
    let address = text.parse().ok().or_else(|| text.parse::<reach::Cidr>().ok().map(reach::Cidr::first));
    // AWS: unverified wording.
    address.filter(IpAddr::is_ipv4).ok_or_else(|| invalid_value(format!("Invalid IPv4 address: {text}")))
}

/// The id of what a request names by id or ARN, if such things can be ends of a path and it is there.
fn end(state: &State, cx: &Cx, given: &str) -> Result<String, Fault> {
    let id = match Arn::parse(given) {
        Some(arn) => arn.resource().rsplit('/').next().unwrap_or_default().to_owned(),
        None => given.to_owned(),
    };
    match kind_of(&id) {
        Some("instance") => state.find::<Instance>(&cx.scope, &id).map(drop)?,
        Some("network-interface") => state.find::<Interface>(&cx.scope, &id).map(drop)?,
        Some("internet-gateway") => state.find::<InternetGateway>(&cx.scope, &id).map(drop)?,
        Some(other) => return Err(faults::not_implemented(&format!("paths from or to a {other}"))),
        // AWS: unverified wording.
        None => return Err(invalid_value(format!("The resource {given} is not a valid source or destination."))),
    }
    Ok(id)
}

handler!(
    Ec2,
    CreateNetworkInsightsPath,
    |ec2, cx, input| Ok(permissions::create::<CreateNetworkInsightsPath>(
        cx,
        "network-insights-path",
        tags::requested(input.tag_specifications.as_ref())
    )),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateNetworkInsightsPath>(cx, &input, Some(&input.client_token))?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "network-insights-path")?;
        if !matches!(input.protocol.as_str(), "tcp" | "udp") {
            return Err(invalid_value(format!("Value ({}) for parameter protocol is invalid.", input.protocol)));
        }
        let has_filters = input.filter_at_source.is_some() || input.filter_at_destination.is_some();
        if has_filters && (input.source_ip.is_some() || input.destination_ip.is_some() || input.destination_port.is_some()) {
            // AWS: unverified wording.
            let message = "SourceIp, DestinationIp and DestinationPort may not be used with FilterAtSource or FilterAtDestination";
            return Err(refuse("InvalidParameterCombination", message));
        }
        if input.destination.is_none()
            && input.destination_ip.is_none()
            && input.filter_at_source.as_ref().is_none_or(|filter| filter.destination_address.is_none())
        {
            // AWS: unverified wording.
            return Err(faults::missing("destination or destinationIp"));
        }
        for text in [&input.source_ip, &input.destination_ip].into_iter().flatten() {
            read_address(text)?;
        }
        if let Some(port) = input.destination_port.filter(|port| !(0..=65_535).contains(port)) {
            return Err(invalid_value(format!("Value ({port}) for parameter destinationPort is invalid.")));
        }
        let filter_at_source = input.filter_at_source.map(read_filter).transpose()?;
        let filter_at_destination = input.filter_at_destination.map(read_filter).transpose()?;
        ec2.store.write(|state| {
            let id = token.once::<InsightsPath>(state, cx, |state| {
                let path = InsightsPath {
                    source: end(state, cx, &input.source)?,
                    destination: input.destination.as_deref().map(|given| end(state, cx, given)).transpose()?,
                    source_ip: input.source_ip,
                    destination_ip: input.destination_ip,
                    protocol: input.protocol,
                    destination_port: input.destination_port,
                    filter_at_source,
                    filter_at_destination,
                    made: cx.now,
                };
                Ok(state.add(&cx.scope, cx.ids(), path, tags))
            })?;
            Ok(api::CreateNetworkInsightsPathResult { network_insights_path: shown::<InsightsPath>(state, cx, &id) })
        })
    }
);

handler!(
    Ec2,
    DeleteNetworkInsightsPath,
    |ec2, cx, input| Ok(ec2.on::<DeleteNetworkInsightsPath, InsightsPath>(cx, &input.network_insights_path_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.network_insights_path_id;
            state.find::<InsightsPath>(&cx.scope, id)?;
            if state.all::<InsightsAnalysis>(&cx.scope).any(|(_, analysis)| analysis.path == *id) {
                // AWS: unverified wording.
                let message = format!("The networkInsightsPath '{id}' has analyses and cannot be deleted.");
                return Err(refuse("AnalysisExistsForNetworkInsightsPath", message));
            }
            state.remove::<InsightsPath>(&cx.scope, id);
            Ok(api::DeleteNetworkInsightsPathResult { network_insights_path_id: Some(id.clone()) })
        })
    }
);

describes!(
    DescribeNetworkInsightsPaths,
    InsightsPath,
    network_insights_path_ids,
    filters,
    DescribeNetworkInsightsPathsResult { network_insights_paths },
    1,
    100
);

impl Resource for InsightsAnalysis {
    const KIND: Kind = Kind {
        prefix: "nia",
        name: "network-insights-analysis",
        missing: "InvalidNetworkInsightsAnalysisId.NotFound",
        says: ("The networkInsightsAnalysis ID '", "' does not exist"),
        malformed: "InvalidNetworkInsightsAnalysisId.Malformed",
    };
    const FILTERS: &'static [FilterOf<InsightsAnalysis>] = &[
        ("path-found", |analysis, _| vec![analysis.found.passes.to_string()]),
        ("status", |analysis, at| vec![status(analysis, at.now).to_owned()]),
    ];
    type Shown = api::NetworkInsightsAnalysis;

    in_table!(analyses, InsightsAnalysis);

    fn shown(&self, at: &At<'_>) -> api::NetworkInsightsAnalysis {
        let mut shown = api::NetworkInsightsAnalysis {
            network_insights_analysis_id: Some(at.id.to_owned()),
            network_insights_analysis_arn: permissions::arn_text(at.scope, "network-insights-analysis", at.id),
            network_insights_path_id: Some(self.path.clone()),
            filter_in_arns: (!self.filter_in.is_empty()).then(|| self.filter_in.clone()),
            filter_out_arns: (!self.filter_out.is_empty()).then(|| self.filter_out.clone()),
            additional_accounts: (!self.accounts.is_empty()).then(|| self.accounts.clone()),
            start_date: Some(self.started),
            status: Some(status(self, at.now).to_owned()),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
            ..Default::default()
        };
        if status(self, at.now) == "succeeded" {
            let found = &self.found;
            shown.network_path_found = Some(found.passes);
            if found.passes {
                shown.forward_path_components = Some(components(&found.forward, at));
                shown.return_path_components = Some(components(&found.back, at));
            } else {
                shown.explanations = Some(found.blocks.iter().map(|block| explanation(block, at.scope)).collect());
            }
        }
        shown
    }
}

fn status(analysis: &InsightsAnalysis, now: Timestamp) -> &'static str {
    if now.0 >= analysis.started.0 + RUNS { "succeeded" } else { "running" }
}

/// The interface of an end of a path: an instance's primary one.
fn place(state: &State, scope: &Scope, id: &str, ip: Option<IpAddr>) -> Location {
    match kind_of(id) {
        Some("instance") => {
            let primary = lookups::of_instance(state, scope, id).min_by_key(|(_, row)| row.attachment.as_ref().map(|of| of.index));
            Location::Interface(primary.map_or(id, |(interface, _)| interface).into())
        }
        Some("network-interface") => Location::Interface(id.into()),
        _ => Location::Internet(ip.unwrap_or(reach::SOMEBODY)),
    }
}

/// What the packet filter says of a path.
fn analyze(state: &State, cx: &Cx, path: &InsightsPath) -> Verdict {
    let network = topology::network(state, &cx.scope, cx.now);
    let address = |text: Option<&String>| text.and_then(|text| read_address(text).ok());
    let at_source = path.filter_at_source.as_ref();
    let source_ip = address(path.source_ip.as_ref().or(at_source.and_then(|filter| filter.source_address.as_ref())));
    let destination_ip = address(path.destination_ip.as_ref().or(at_source.and_then(|filter| filter.destination_address.as_ref())));
    let to = match (&path.destination, destination_ip) {
        (Some(id), ip) => place(state, &cx.scope, id, ip),
        (None, Some(ip)) => Location::Address(ip),
        (None, None) => Location::Internet(reach::SOMEBODY),
    };
    let port = path.destination_port.or(at_source.and_then(|filter| filter.destination_ports).map(|(from, _)| from));
    let from = place(state, &cx.scope, &path.source, source_ip);
    let protocol = topology::protocol(&path.protocol).unwrap_or(6);
    let question = |port: u16| Question::new(from.clone(), to.clone(), protocol, port);
    match port.and_then(|port| u16::try_from(port).ok()) {
        Some(port) => reach::trace(&network, &question(port)),
        // Without a port, any that passes: those that rules begin with are the candidates.
        None => {
            let mut ports: Vec<u16> = state
                .groups_of(&cx.scope)
                .flat_map(|(_, group)| group.rules.iter().filter_map(|rule| u16::try_from(rule.traffic.from).ok()))
                .chain([80, 443, 22, 1_024])
                .collect();
            ports.sort_unstable();
            ports.dedup();
            let verdicts = ports.iter().map(|port| reach::trace(&network, &question(*port)));
            let mut first = None;
            for verdict in verdicts {
                if verdict.passes {
                    return verdict;
                }
                first.get_or_insert(verdict);
            }
            first.unwrap_or_default()
        }
    }
}

/// An analysis may be told which components the path must have, and which it must not.
fn restrict(verdict: &mut Verdict, scope: &Scope, filter_in: &[String], filter_out: &[String]) {
    let arns: Vec<(reach::Component, String)> = verdict
        .forward
        .iter()
        .filter_map(|hop| Some((hop.component.clone(), permissions::arn_text(scope, hop.component.kind.name(), &hop.component.id)?)))
        .collect();
    let mut refuse = |component: reach::Component, code: &str, text: String| {
        verdict.passes = false;
        verdict.blocks.push(reach::Block {
            code: code.to_owned(),
            direction: None,
            component,
            others: vec![],
            evidence: None,
            in_reply: false,
            interface: None,
            text,
        });
    };
    for wanted in filter_in {
        if !arns.iter().any(|(_, arn)| arn == wanted) {
            let id = wanted.rsplit('/').next().unwrap_or_default();
            let component = reach::Component::new(reach::ComponentKind::Internet, id);
            refuse(component, "COMPONENT_FILTER_RESTRICTION", format!("the path does not have {id}"));
        }
    }
    for (component, arn) in arns {
        if filter_out.contains(&arn) {
            let text = format!("the path has {}", component.id);
            refuse(component, "COMPONENT_FILTER_RESTRICTION_REMOVED_COMPONENT", text);
        }
    }
}

handler!(
    Ec2,
    StartNetworkInsightsAnalysis,
    |ec2, cx, input| {
        let tags = tags::requested(input.tag_specifications.as_ref());
        Ok(ec2.create_in::<StartNetworkInsightsAnalysis, InsightsAnalysis, InsightsPath>(cx, tags, &input.network_insights_path_id))
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<StartNetworkInsightsAnalysis>(cx, &input, Some(&input.client_token))?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "network-insights-analysis")?;
        ec2.store.write(|state| {
            let id = token.once::<InsightsAnalysis>(state, cx, |state| {
                let path = state.find::<InsightsPath>(&cx.scope, &input.network_insights_path_id)?;
                let mut found = analyze(state, cx, path);
                let (filter_in, filter_out) = (input.filter_in_arns.unwrap_or_default(), input.filter_out_arns.unwrap_or_default());
                restrict(&mut found, &cx.scope, &filter_in, &filter_out);
                let analysis = InsightsAnalysis {
                    path: input.network_insights_path_id,
                    filter_in,
                    filter_out,
                    accounts: input.additional_accounts.unwrap_or_default(),
                    started: cx.now,
                    found: Arc::new(found),
                };
                Ok(state.add(&cx.scope, cx.ids(), analysis, tags))
            })?;
            Ok(api::StartNetworkInsightsAnalysisResult { network_insights_analysis: shown::<InsightsAnalysis>(state, cx, &id) })
        })
    }
);

handler!(
    Ec2,
    DeleteNetworkInsightsAnalysis,
    |ec2, cx, input| Ok(ec2.on::<DeleteNetworkInsightsAnalysis, InsightsAnalysis>(cx, &input.network_insights_analysis_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.network_insights_analysis_id;
            state.find::<InsightsAnalysis>(&cx.scope, id)?;
            state.remove::<InsightsAnalysis>(&cx.scope, id);
            Ok(api::DeleteNetworkInsightsAnalysisResult { network_insights_analysis_id: Some(id.clone()) })
        })
    }
);

handler!(
    Ec2,
    DescribeNetworkInsightsAnalyses,
    |ec2, cx, input| Ok(permissions::describe::<DescribeNetworkInsightsAnalyses>(cx)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let list = Paging::of::<DescribeNetworkInsightsAnalyses>(cx, &input);
        let (path, from, to) = (input.network_insights_path_id, input.analysis_start_time, input.analysis_end_time);
        let page = ec2.store.read(|state| {
            path.as_deref().map(|path| state.find::<InsightsPath>(&cx.scope, path)).transpose()?;
            let asked = describing::Asked {
                ids: input.network_insights_analysis_ids,
                member: "network_insights_analysis_ids",
                filters: input.filters,
                size: input.max_results,
                smallest: 1,
                largest: 100,
            };
            describing::describe::<InsightsAnalysis>(state, cx, &list, asked)
        })?;
        let passes = |shown: &api::NetworkInsightsAnalysis| {
            path.as_ref().is_none_or(|path| shown.network_insights_path_id.as_ref() == Some(path))
                && from.is_none_or(|from| shown.start_date.is_some_and(|start| start >= from))
                && to.is_none_or(|to| shown.start_date.is_some_and(|start| start <= to))
        };
        let analyses = page.items.into_iter().filter(passes).collect();
        Ok(api::DescribeNetworkInsightsAnalysesResult { network_insights_analyses: Some(analyses), next_token: page.next_token })
    }
);
