//! What Parameter Store parses itself: names with selectors, paths, parameter policies, allowed patterns, filters and resource policies. The first
//! byte selects one. Any input is accepted or refused, and never a 5xx but for what is not built.
#![no_main]

use cloudlet_api_ssm::*;
use cloudlet_aws::Fault;
use cloudlet_cloud::Mode;
use cloudlet_shape::Operation;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

/// After this many inputs the cloud is built anew.
const AGE: u32 = 10_000;
const ARN: &str = "arn:aws:ssm:us-east-1:000000000000:parameter/a";

struct TestCloud {
    cloud: cloudlet_testing::TestCloud,
    runtime: tokio::runtime::Runtime,
    age: u32,
}

impl TestCloud {
    fn new() -> TestCloud {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let builder = cloudlet_testing::TestCloud::builder().service(|parts| cloudlet_ssm::service(&parts.journal, std::sync::Arc::new(cloudlet_engine::NoWorkers), cloudlet_ssm::Options::default()));
        let cloud = TestCloud { cloud: builder.mode(Mode::Off).calls(0).build(), runtime, age: 0 };
        cloud.call::<PutParameter>(put("a", "v")).unwrap();
        cloud
    }

    fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        let answer = self.runtime.block_on(self.cloud.call::<O>(input));
        if let Err(fault) = &answer {
            assert!(fault.status() < 500 || fault.name() == "NotImplemented", "{}: {fault:?}", O::SCHEMA.name);
        }
        answer
    }

    fn get(&self, name: &str) -> Result<Parameter, Fault> {
        let got = self.call::<GetParameter>(GetParameterRequest { name: name.to_owned(), with_decryption: Some(true) });
        got.map(|got| got.parameter.unwrap())
    }
}

fn put(name: &str, value: &str) -> PutParameterRequest {
    PutParameterRequest {
        name: name.to_owned(),
        value: value.to_owned(),
        r#type: Some("String".to_owned()),
        tier: Some("Advanced".to_owned()),
        overwrite: Some(true),
        ..Default::default()
    }
}

thread_local! {
    static CLOUD: RefCell<TestCloud> = RefCell::new(TestCloud::new());
}

fuzz_target!(|bytes: &[u8]| {
    let [selector, bytes @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (first, second) = text.split_once('\0').unwrap_or((text, "v"));
    CLOUD.with_borrow_mut(|cloud| {
        cloud.age += 1;
        if cloud.age > AGE {
            *cloud = TestCloud::new();
        }
        match selector % 6 {
            0 => {
                if let Ok(read) = cloud.get(text) {
                    let (arn, selector) = (read.arn.unwrap(), read.selector.unwrap_or_default());
                    assert_eq!(cloud.get(&format!("{arn}{selector}")).unwrap().value, read.value);
                }
            }
            1 => {
                if cloud.call::<PutParameter>(put(first, "new")).is_ok() {
                    assert_eq!(cloud.get(first).unwrap().value.as_deref(), Some("new"));
                    let _ = cloud.call::<LabelParameterVersion>(LabelParameterVersionRequest {
                        name: first.to_owned(),
                        parameter_version: None,
                        labels: vec![second.to_owned()],
                    });
                    cloud.call::<DeleteParameter>(DeleteParameterRequest { name: first.to_owned() }).unwrap();
                    cloud.call::<PutParameter>(put("a", "v")).unwrap();
                }
            }
            2 => {
                let _ = cloud.call::<PutParameter>(PutParameterRequest { policies: Some(text.to_owned()), ..put("a", "v") });
                cloud.call::<PutParameter>(PutParameterRequest { policies: Some("[{}]".to_owned()), ..put("a", "v") }).unwrap();
            }
            3 => {
                let _ = cloud.call::<PutParameter>(PutParameterRequest { allowed_pattern: Some(first.to_owned()), ..put("a", second) });
                cloud.call::<PutParameter>(PutParameterRequest { allowed_pattern: Some(String::new()), ..put("a", "v") }).unwrap();
            }
            4 => {
                let mut parts = text.split('\0').map(str::to_owned);
                let key = parts.next().unwrap_or_default();
                let option = parts.next().filter(|option| !option.is_empty());
                let filter = ParameterStringFilter { key, option, values: Some(parts.collect()) };
                let filters = Some(vec![filter]);
                let describe = DescribeParametersRequest { parameter_filters: filters.clone(), ..Default::default() };
                let _ = cloud.call::<DescribeParameters>(describe);
                let by_path = GetParametersByPathRequest { path: "/".to_owned(), parameter_filters: filters, ..Default::default() };
                let _ = cloud.call::<GetParametersByPath>(by_path);
                let below = GetParametersByPathRequest { path: text.to_owned(), recursive: Some(true), ..Default::default() };
                let _ = cloud.call::<GetParametersByPath>(below);
            }
            _ => {
                let share = PutResourcePolicyRequest { resource_arn: ARN.to_owned(), policy: text.to_owned(), ..Default::default() };
                if let Ok(put) = cloud.call::<PutResourcePolicy>(share) {
                    let delete = DeleteResourcePolicyRequest {
                        resource_arn: ARN.to_owned(),
                        policy_id: put.policy_id.unwrap(),
                        policy_hash: put.policy_hash.unwrap(),
                        ..Default::default()
                    };
                    cloud.call::<DeleteResourcePolicy>(delete).unwrap();
                }
                let _ = cloud.call::<GetResourcePolicies>(GetResourcePoliciesRequest { resource_arn: text.to_owned(), ..Default::default() });
                let _ = cloud.call::<GetServiceSetting>(GetServiceSettingRequest { setting_id: text.to_owned() });
            }
        }
    });
});
