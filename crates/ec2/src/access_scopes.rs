//! Network Access Scopes: which paths there may be, and an analysis that finds those that there are.
//! <https://docs.aws.amazon.com/vpc/latest/network-access-analyzer/what-is-network-access-analyzer.html>

mod findings;
mod statements;

use crate::{
    client_tokens::ClientToken,
    describing::{self, describes, shown},
    engine::Ec2,
    faults::{self, refuse},
    insights::components::components,
    permissions,
    rows::{AccessScope, AccessScopeAnalysis},
    state::{At, FilterOf, Kind, Resource, State, in_table},
    tags, topology,
};
use cloudlet_api_ec2::{
    self as api, CreateNetworkInsightsAccessScope, DeleteNetworkInsightsAccessScope, DeleteNetworkInsightsAccessScopeAnalysis,
    DescribeNetworkInsightsAccessScopeAnalyses, DescribeNetworkInsightsAccessScopes, GetNetworkInsightsAccessScopeAnalysisFindings,
    GetNetworkInsightsAccessScopeContent, StartNetworkInsightsAccessScopeAnalysis,
};
use cloudlet_aws::{Fault, Timestamp};
use cloudlet_engine::{Cx, StoredShape, handler, paging::Paging};
use std::sync::Arc;

/// How long an analysis runs.
const RUNS: i64 = 2_000;

impl Resource for AccessScope {
    const KIND: Kind = Kind {
        prefix: "nis",
        name: "network-insights-access-scope",
        missing: "InvalidNetworkInsightsAccessScopeId.NotFound",
        says: ("The networkInsightsAccessScope ID '", "' does not exist"),
        malformed: "InvalidNetworkInsightsAccessScopeId.Malformed",
    };
    const FILTERS: &'static [FilterOf<AccessScope>] = &[];
    type Shown = api::NetworkInsightsAccessScope;

    in_table!(access_scopes, AccessScope);

    fn shown(&self, at: &At<'_>) -> api::NetworkInsightsAccessScope {
        api::NetworkInsightsAccessScope {
            network_insights_access_scope_id: Some(at.id.to_owned()),
            network_insights_access_scope_arn: permissions::arn_text(at.scope, "network-insights-access-scope", at.id),
            created_date: Some(self.made),
            updated_date: Some(self.made),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

impl AccessScope {
    fn content(&self, id: &str) -> api::NetworkInsightsAccessScopeContent {
        api::NetworkInsightsAccessScopeContent { network_insights_access_scope_id: Some(id.to_owned()), ..self.content.shape() }
    }
}

handler!(
    Ec2,
    CreateNetworkInsightsAccessScope,
    |ec2, cx, input| {
        let tags = tags::requested(input.tag_specifications.as_ref());
        Ok(permissions::create::<CreateNetworkInsightsAccessScope>(cx, "network-insights-access-scope", tags))
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<CreateNetworkInsightsAccessScope>(cx, &input, Some(&input.client_token))?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "network-insights-access-scope")?;
        let paths = |given: Option<Vec<api::AccessScopePathRequest>>| -> Result<Option<Vec<api::AccessScopePath>>, Fault> {
            given.map(|all| all.into_iter().map(statements::path).collect()).transpose()
        };
        let content = api::NetworkInsightsAccessScopeContent {
            network_insights_access_scope_id: None,
            match_paths: paths(input.match_paths)?,
            exclude_paths: paths(input.exclude_paths)?,
        };
        if content.match_paths.as_ref().is_none_or(Vec::is_empty) {
            // AWS: unverified wording.
            return Err(faults::missing("MatchPath"));
        }
        ec2.store.write(|state| {
            let id = token.once::<AccessScope>(state, cx, |state| {
                let row = AccessScope { content: StoredShape::new(content), made: cx.now };
                Ok(state.add(&cx.scope, cx.ids(), row, tags))
            })?;
            Ok(api::CreateNetworkInsightsAccessScopeResult {
                network_insights_access_scope: shown::<AccessScope>(state, cx, &id),
                network_insights_access_scope_content: state.get::<AccessScope>(&cx.scope, &id).map(|row| row.content(&id)),
            })
        })
    }
);

handler!(
    Ec2,
    DeleteNetworkInsightsAccessScope,
    |ec2, cx, input| Ok(ec2.on::<DeleteNetworkInsightsAccessScope, AccessScope>(cx, &input.network_insights_access_scope_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.network_insights_access_scope_id;
            state.find::<AccessScope>(&cx.scope, id)?;
            if state.all::<AccessScopeAnalysis>(&cx.scope).any(|(_, analysis)| analysis.access_scope == *id) {
                // AWS: unverified wording.
                let message = format!("The networkInsightsAccessScope '{id}' has analyses and cannot be deleted.");
                return Err(refuse("AnalysisExistsForNetworkInsightsAccessScope", message));
            }
            state.remove::<AccessScope>(&cx.scope, id);
            Ok(api::DeleteNetworkInsightsAccessScopeResult { network_insights_access_scope_id: Some(id.clone()) })
        })
    }
);

describes!(
    DescribeNetworkInsightsAccessScopes,
    AccessScope,
    network_insights_access_scope_ids,
    filters,
    DescribeNetworkInsightsAccessScopesResult { network_insights_access_scopes },
    1,
    100
);

handler!(
    Ec2,
    GetNetworkInsightsAccessScopeContent,
    |ec2, cx, input| Ok(ec2.on::<GetNetworkInsightsAccessScopeContent, AccessScope>(cx, &input.network_insights_access_scope_id).into()),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let id = &input.network_insights_access_scope_id;
        let content = ec2.store.read(|state| state.find::<AccessScope>(&cx.scope, id).map(|row| row.content(id)))?;
        Ok(api::GetNetworkInsightsAccessScopeContentResult { network_insights_access_scope_content: Some(content) })
    }
);

impl Resource for AccessScopeAnalysis {
    const KIND: Kind = Kind {
        prefix: "nisa",
        name: "network-insights-access-scope-analysis",
        missing: "InvalidNetworkInsightsAccessScopeAnalysisId.NotFound",
        says: ("The networkInsightsAccessScopeAnalysis ID '", "' does not exist"),
        malformed: "InvalidNetworkInsightsAccessScopeAnalysisId.Malformed",
    };
    const FILTERS: &'static [FilterOf<AccessScopeAnalysis>] = &[];
    type Shown = api::NetworkInsightsAccessScopeAnalysis;

    in_table!(access_scope_analyses, AccessScopeAnalysis);

    fn shown(&self, at: &At<'_>) -> api::NetworkInsightsAccessScopeAnalysis {
        let (status, is_done) = (self.status(at.now), self.status(at.now) != "running");
        api::NetworkInsightsAccessScopeAnalysis {
            network_insights_access_scope_analysis_id: Some(at.id.to_owned()),
            network_insights_access_scope_analysis_arn: permissions::arn_text(at.scope, Self::KIND.name, at.id),
            network_insights_access_scope_id: Some(self.access_scope.clone()),
            status: Some(status.to_owned()),
            status_message: self.failure.clone().filter(|_| is_done),
            // AWS: unverified wording.
            warning_message: (self.is_partial && is_done).then(|| "There are more findings than are shown.".to_owned()),
            start_date: Some(self.started),
            end_date: is_done.then_some(Timestamp(self.started.0 + RUNS)),
            findings_found: Some(
                match status {
                    "succeeded" if self.findings.is_empty() => "false",
                    "succeeded" => "true",
                    _ => "unknown",
                }
                .to_owned(),
            ),
            analyzed_eni_count: is_done.then_some(self.interfaces),
            tags: tags::answered(at.state.tags_of(at.scope, at.id)),
        }
    }
}

impl AccessScopeAnalysis {
    fn status(&self, now: Timestamp) -> &'static str {
        match &self.failure {
            _ if now.0 < self.started.0 + RUNS => "running",
            Some(_) => "failed",
            None => "succeeded",
        }
    }
}

fn analyze(state: &State, cx: &Cx, access_scope: &AccessScope) -> findings::Found {
    let network = topology::network(state, &cx.scope, cx.now);
    findings::find(state, cx, &network, &access_scope.content)
}

handler!(
    Ec2,
    StartNetworkInsightsAccessScopeAnalysis,
    |ec2, cx, input| {
        let tags = tags::requested(input.tag_specifications.as_ref());
        let within = &input.network_insights_access_scope_id;
        Ok(ec2.create_in::<StartNetworkInsightsAccessScopeAnalysis, AccessScopeAnalysis, AccessScope>(cx, tags, within))
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let token = ClientToken::of::<StartNetworkInsightsAccessScopeAnalysis>(cx, &input, Some(&input.client_token))?;
        let tags = tags::of_new(input.tag_specifications.as_ref(), "network-insights-access-scope-analysis")?;
        ec2.store.write(|state| {
            let id = token.once::<AccessScopeAnalysis>(state, cx, |state| {
                let found = analyze(state, cx, state.find::<AccessScope>(&cx.scope, &input.network_insights_access_scope_id)?);
                let row = AccessScopeAnalysis {
                    access_scope: input.network_insights_access_scope_id,
                    started: cx.now,
                    interfaces: found.interfaces,
                    findings: Arc::new(found.findings),
                    is_partial: found.is_partial,
                    failure: found.failure,
                };
                Ok(state.add(&cx.scope, cx.ids(), row, tags))
            })?;
            Ok(api::StartNetworkInsightsAccessScopeAnalysisResult {
                network_insights_access_scope_analysis: shown::<AccessScopeAnalysis>(state, cx, &id),
            })
        })
    }
);

handler!(
    Ec2,
    DeleteNetworkInsightsAccessScopeAnalysis,
    |ec2, cx, input| {
        let id = &input.network_insights_access_scope_analysis_id;
        Ok(ec2.on::<DeleteNetworkInsightsAccessScopeAnalysis, AccessScopeAnalysis>(cx, id).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        ec2.store.write(|state| {
            let id = &input.network_insights_access_scope_analysis_id;
            state.find::<AccessScopeAnalysis>(&cx.scope, id)?;
            state.remove::<AccessScopeAnalysis>(&cx.scope, id);
            Ok(api::DeleteNetworkInsightsAccessScopeAnalysisResult { network_insights_access_scope_analysis_id: Some(id.clone()) })
        })
    }
);

handler!(
    Ec2,
    DescribeNetworkInsightsAccessScopeAnalyses,
    |ec2, cx, input| Ok(permissions::describe::<DescribeNetworkInsightsAccessScopeAnalyses>(cx)),
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let list = Paging::of::<DescribeNetworkInsightsAccessScopeAnalyses>(cx, &input);
        let (of, from, to) = (input.network_insights_access_scope_id, input.analysis_start_time_begin, input.analysis_start_time_end);
        let page = ec2.store.read(|state| {
            of.as_deref().map(|of| state.find::<AccessScope>(&cx.scope, of)).transpose()?;
            let asked = describing::Asked {
                ids: input.network_insights_access_scope_analysis_ids,
                member: "network_insights_access_scope_analysis_ids",
                filters: input.filters,
                size: input.max_results,
                smallest: 1,
                largest: 100,
            };
            describing::describe::<AccessScopeAnalysis>(state, cx, &list, asked)
        })?;
        let passes = |shown: &api::NetworkInsightsAccessScopeAnalysis| {
            of.as_ref().is_none_or(|of| shown.network_insights_access_scope_id.as_ref() == Some(of))
                && from.is_none_or(|from| shown.start_date.is_some_and(|start| start >= from))
                && to.is_none_or(|to| shown.start_date.is_some_and(|start| start <= to))
        };
        let analyses = page.items.into_iter().filter(passes).collect();
        Ok(api::DescribeNetworkInsightsAccessScopeAnalysesResult {
            network_insights_access_scope_analyses: Some(analyses),
            next_token: page.next_token,
        })
    }
);

handler!(
    Ec2,
    GetNetworkInsightsAccessScopeAnalysisFindings,
    |ec2, cx, input| {
        let id = &input.network_insights_access_scope_analysis_id;
        Ok(ec2.on::<GetNetworkInsightsAccessScopeAnalysisFindings, AccessScopeAnalysis>(cx, id).into())
    },
    |ec2, cx, input| {
        ec2.begin(cx, input.dry_run)?;
        let list = Paging::of::<GetNetworkInsightsAccessScopeAnalysisFindings>(cx, &input);
        let id = input.network_insights_access_scope_analysis_id;
        describing::check_page(input.max_results, 1, 1_000)?;
        ec2.store.read(|state| {
            let analysis = state.find::<AccessScopeAnalysis>(&cx.scope, &id)?;
            let at = At { state, scope: &cx.scope, id: &id, now: cx.now };
            let findings = analysis.findings.iter().filter(|_| analysis.status(cx.now) == "succeeded");
            let rows = findings.map(|finding| {
                let shown = api::AccessScopeAnalysisFinding {
                    network_insights_access_scope_analysis_id: Some(id.clone()),
                    network_insights_access_scope_id: Some(analysis.access_scope.clone()),
                    finding_id: Some(finding.id.clone()),
                    finding_components: Some(components(&finding.hops, &at)),
                };
                (finding.id.clone(), shown)
            });
            let page = describing::page(&list, rows)?;
            Ok(api::GetNetworkInsightsAccessScopeAnalysisFindingsResult {
                network_insights_access_scope_analysis_id: Some(id.clone()),
                analysis_status: Some(analysis.status(cx.now).to_owned()),
                analysis_findings: Some(page.items),
                next_token: page.next_token,
            })
        })
    }
);
