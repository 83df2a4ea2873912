//! The test cases of Step Functions Local: `StartExecution` of `<machine>#<test case>` has mocks in the place of calls.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html>

use crate::{States, arns, faults};
use cloudlet_asl::machine::Mocks;
use cloudlet_aws::Fault;

/// The ARN of a machine, and the test case that may follow it.
pub fn split(text: &str) -> (&str, Option<&str>) {
    text.split_once('#').map_or((text, None), |(arn, case)| (arn, Some(case)))
}

impl States {
    /// The ARN without the test case, and the mocks of that.
    pub fn mocked<'t>(&self, text: &'t str) -> Result<(&'t str, Option<Mocks>), Fault> {
        let (arn, Some(case)) = split(text) else { return Ok((text, None)) };
        let name = arns::machine(arn)?.key.name;
        let mocks = self.mocks.as_ref().and_then(|config| config.case(&name, case));
        let absent = || faults::VALIDATION.says(format!("There is no test case '{case}' for the state machine '{name}'"));
        Ok((arn, Some(mocks.ok_or_else(absent)?)))
    }
}
