//! DeleteParameter and DeleteParameters.

use super::{
    events::{self, Change},
    names::{Reference, to_change},
    permissions::{Sharing, on_each},
    scheduled,
};
use crate::{Ssm, faults};
use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Handle, Permissions};

impl Ssm {
    /// False if there is no such parameter.
    fn delete(&self, cx: &Cx, reference: &Reference) -> bool {
        let key = &reference.key;
        self.store.update(|state| {
            let deleted = state.remove_parameter(key);
            scheduled::cancel(cx, key);
            // One that had expired was deleted then.
            let deleted = deleted.filter(|parameter| !parameter.is_expired(cx.now));
            if let Some(parameter) = &deleted {
                events::of_parameter(cx, key, parameter, Change::Delete);
            }
            deleted.is_some()
        })
    }
}

impl Handle<DeleteParameter> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeleteParameterRequest) -> Result<Permissions, Fault> {
        let reference = to_change(&cx.scope, &input.name)?;
        Ok(self.permission::<DeleteParameter>(cx, &reference, Sharing::No).into())
    }

    async fn handle(&self, cx: &Cx, input: DeleteParameterRequest) -> Result<DeleteParameterResult, Fault> {
        let reference = to_change(&cx.scope, &input.name)?;
        if self.delete(cx, &reference) { Ok(DeleteParameterResult {}) } else { Err(faults::no_such_parameter()) }
    }
}

impl Handle<DeleteParameters> for Ssm {
    fn permissions(&self, cx: &Cx, input: &DeleteParametersRequest) -> Result<Permissions, Fault> {
        let of = |name: &String| Ok(self.permission::<DeleteParameters>(cx, &to_change(&cx.scope, name)?, Sharing::No));
        on_each::<DeleteParameters>(cx, input.names.iter().map(of))
    }

    async fn handle(&self, cx: &Cx, input: DeleteParametersRequest) -> Result<DeleteParametersResult, Fault> {
        let (mut deleted, mut invalid) = (vec![], vec![]);
        for name in input.names {
            let to = if self.delete(cx, &to_change(&cx.scope, &name)?) { &mut deleted } else { &mut invalid };
            to.push(name);
        }
        Ok(DeleteParametersResult { deleted_parameters: Some(deleted), invalid_parameters: Some(invalid) })
    }
}
