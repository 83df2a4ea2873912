//! Metric filters: stored, listed, and tried by TestMetricFilter. Deliberately no metrics: there is no CloudWatch here to put them into.

use crate::{
    Logs, faults, limits,
    names::own_group,
    pages::page,
    permissions::{on_account, on_resource},
    state::{GroupKey, State, of_group},
};
use cloudlet_api_logs::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{StoredShape, handler};
use cloudlet_shape::Empty;
use std::sync::Arc;

/// How many filters of a group have regular expressions, but for the one that is about to be replaced.
pub fn with_regexes(logs: &Logs, state: &State, group: &GroupKey, but: &str) -> usize {
    let metric = of_group(&state.metric_filters, group).map(|(name, row)| (name, row.filter_pattern.clone()));
    let subscription = of_group(&state.subscription_filters, group).map(|(name, row)| (name, row.filter_pattern.clone()));
    let others = metric.chain(subscription).filter(|(name, _)| &***name != but);
    others.filter(|(_, pattern)| logs.pattern(pattern.as_deref().unwrap_or_default()).is_ok_and(|pattern| pattern.regexes() > 0)).count()
}

fn check(transformations: &[MetricTransformation]) -> Result<(), Fault> {
    for transformation in transformations {
        let dimensions = transformation.dimensions.as_ref().map_or(0, |dimensions| dimensions.len());
        // <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html>
        if dimensions > 0 && transformation.default_value.is_some() {
            return Err(faults::invalid("Invalid metric transformation: dimensions and default value are mutually exclusive properties."));
        }
        if dimensions > 3 {
            // AWS: unverified message.
            return Err(faults::invalid("Invalid metric transformation: there may be at most 3 dimensions."));
        }
        let value = &transformation.metric_value;
        if !value.starts_with('$') && value.parse::<f64>().is_err() {
            // AWS: unverified message.
            return Err(faults::invalid("Invalid metric transformation: metricValue must be a number or a field of the pattern."));
        }
    }
    Ok(())
}

handler!(
    Logs,
    PutMetricFilter,
    |logs, cx, input| Ok(logs.on_group::<PutMetricFilter>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        logs.standard_group(&key)?;
        let pattern = logs.pattern(&input.filter_pattern)?;
        check(&input.metric_transformations)?;
        let name: Arc<str> = input.filter_name.as_str().into();
        logs.store.write(|state| {
            if !state.groups.contains(&key) {
                return Err(faults::no_such_group());
            }
            let row = (key.clone(), name.clone());
            let is_new = !state.metric_filters.contains(&row);
            if is_new && of_group(&state.metric_filters, &key).count() >= limits::METRIC_FILTERS_PER_GROUP {
                return Err(faults::limit_exceeded());
            }
            if pattern.regexes() > 0 && with_regexes(logs, state, &key, &name) >= limits::REGEX_FILTERS_PER_GROUP {
                return Err(faults::limit_exceeded());
            }
            let filter = MetricFilter {
                filter_name: Some(input.filter_name),
                filter_pattern: Some(input.filter_pattern),
                metric_transformations: Some(input.metric_transformations),
                creation_time: Some(cx.now.millis()),
                log_group_name: Some(input.log_group_name),
                apply_on_transformed_logs: Some(input.apply_on_transformed_logs.unwrap_or(false)),
                field_selection_criteria: input.field_selection_criteria,
                emit_system_field_dimensions: input.emit_system_field_dimensions,
            };
            state.metric_filters.insert(row, StoredShape::new(filter));
            Ok(Empty {})
        })
    }
);

handler!(
    Logs,
    DescribeMetricFilters,
    |logs, cx, input| match &input.log_group_name {
        Some(name) => Ok(logs.on_group::<DescribeMetricFilters>(&own_group(cx, name)).into()),
        None => Ok(on_resource::<DescribeMetricFilters>(Arn::new("logs", &cx.scope, "log-group::log-stream:")).into()),
    },
    |logs, cx, input| {
        if input.metric_name.is_some() != input.metric_namespace.is_some() {
            // AWS: unverified message.
            return Err(faults::invalid("metricName and metricNamespace must be specified together."));
        }
        let group = input.log_group_name.as_ref().map(|name| own_group(cx, name));
        if let Some(group) = &group {
            logs.group(group)?;
        }
        let prefix = input.filter_name_prefix.as_deref().unwrap_or_default();
        let is_meant = |filter: &MetricFilter| {
            filter.filter_name.as_ref().is_some_and(|name| name.starts_with(prefix))
                && filter.metric_transformations.iter().flatten().any(|transformation| {
                    input.metric_name.as_ref().is_none_or(|name| *name == transformation.metric_name)
                        && input.metric_namespace.as_ref().is_none_or(|namespace| *namespace == transformation.metric_namespace)
                })
        };
        let page = logs.store.read(|state| {
            let rows = state.metric_filters.iter().filter(|(((scope, name), _), filter)| {
                *scope == cx.scope && group.as_ref().is_none_or(|(_, group)| group == name) && is_meant(filter)
            });
            // By the names of the filters, over all groups.
            let mut rows: Vec<_> = rows.map(|(((_, group), name), filter)| ((name.clone(), group.clone()), filter)).collect();
            rows.sort_by(|(one, _), (other, _)| one.cmp(other));
            page::<DescribeMetricFilters, _, _, _>(cx, &input, input.limit, |after: Option<(Arc<str>, Arc<str>)>| {
                let rows = rows.into_iter().skip_while(move |(key, _)| after.as_ref().is_some_and(|after| key <= after));
                rows.map(|(key, filter)| (key, filter.shape()))
            })
        })?;
        Ok(DescribeMetricFiltersResponse { metric_filters: Some(page.items), next_token: page.next_token })
    }
);

handler!(
    Logs,
    DeleteMetricFilter,
    |logs, cx, input| Ok(logs.on_group::<DeleteMetricFilter>(&own_group(cx, &input.log_group_name)).into()),
    |logs, cx, input| {
        let key = own_group(cx, &input.log_group_name);
        logs.store.write(|state| {
            if !state.groups.contains(&key) {
                return Err(faults::no_such_group());
            }
            match state.metric_filters.remove(&(key, input.filter_name.into())) {
                Some(_) => Ok(Empty {}),
                None => Err(faults::RESOURCE_NOT_FOUND.says("The specified metric filter does not exist.")),
            }
        })
    }
);

handler!(Logs, TestMetricFilter, |logs, cx, input| Ok(on_account::<TestMetricFilter>(cx).into()), |logs, cx, input| {
    let pattern = logs.pattern(&input.filter_pattern)?;
    let matches = input.log_event_messages.into_iter().zip(1..).filter_map(|(message, number)| {
        let extracted = pattern.extract(&message)?;
        Some(MetricFilterMatchRecord { event_number: Some(number), event_message: Some(message), extracted_values: Some(extracted) })
    });
    Ok(TestMetricFilterResponse { matches: Some(matches.collect()) })
});
