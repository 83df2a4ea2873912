//! Service settings of an account in a region.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateServiceSetting.html>

use crate::{
    Ssm,
    change_manager::settings,
    faults,
    state::{Setting, State},
};
use cloudlet_api_ssm::*;
use cloudlet_aws::{Arn, Fault, Scope, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_shape::Operation;
use std::borrow::Cow;

/// A setting that AWS knows: its default, and the values that it may have. None: any.
struct Known {
    id: &'static str,
    default: &'static str,
    values: &'static [&'static str],
}

const DEFAULT_TIER: &str = "/ssm/parameter-store/default-parameter-tier";

/// AWS: unverified are the defaults of those that are not of Parameter Store.
const KNOWN: [Known; 16] = [
    Known { id: DEFAULT_TIER, default: "Standard", values: &["Standard", "Advanced", "Intelligent-Tiering"] },
    Known { id: "/ssm/parameter-store/high-throughput-enabled", default: "false", values: &["true", "false"] },
    Known { id: "/ssm/managed-instance/activation-tier", default: "standard", values: &["standard", "advanced"] },
    Known { id: "/ssm/managed-instance/default-ec2-instance-management-role", default: "$None", values: &[] },
    Known { id: "/ssm/automation/customer-script-log-destination", default: "None", values: &["CloudWatch", "None"] },
    Known { id: "/ssm/automation/customer-script-log-group-name", default: "/aws/ssm/automation/executeScript", values: &[] },
    Known { id: "/ssm/automation/enable-adaptive-concurrency", default: "False", values: &["True", "False"] },
    Known { id: "/ssm/documents/console/public-sharing-permission", default: "Enable", values: &["Enable", "Disable"] },
    Known { id: "/ssm/opsinsights/opscenter", default: "Disabled", values: &["Enabled", "Disabled"] },
    // What AWS sets in the console of Change Manager alone.
    Known { id: settings::REQUIRE_TEMPLATE_APPROVAL, default: "true", values: &["true", "false"] },
    Known { id: settings::TEMPLATE_REVIEWERS, default: settings::NONE, values: &[] },
    Known { id: settings::TEMPLATE_APPROVAL_BYPASS, default: settings::NONE, values: &[] },
    Known { id: settings::TEMPLATE_TOPIC, default: settings::NONE, values: &[] },
    Known { id: settings::CALENDAR, default: settings::NONE, values: &[] },
    Known { id: settings::CALENDAR_APPROVERS, default: settings::NONE, values: &[] },
    Known { id: settings::CALENDAR_TOPIC, default: settings::NONE, values: &[] },
];

/// Who set the defaults.
const SYSTEM: &str = "System";

impl Known {
    /// A setting by its id, or by its ARN in the account and region of the call.
    fn find(cx: &Cx, id: &str) -> Result<&'static Known, Fault> {
        let id = match Arn::parse(id) {
            Some(arn) if arn.service() == "ssm" && arn.scope().as_ref() == Some(&cx.scope) => {
                arn.resource().strip_prefix("servicesetting").map(|id| Cow::Owned(id.to_owned()))
            }
            Some(_) => None,
            None => Some(Cow::Borrowed(id)),
        };
        id.and_then(|id| KNOWN.iter().find(|known| known.id == id)).ok_or_else(|| {
            faults::SERVICE_SETTING_NOT_FOUND.says(
                "The specified service setting wasn't found. Either the service name or the setting hasn't been provisioned by the AWS service team.",
            )
        })
    }

    fn arn(&self, scope: &Scope) -> Arn {
        Arn::new("ssm", scope, &format!("servicesetting{}", self.id))
    }

    fn key(&self, cx: &Cx) -> (Scope, String) {
        (cx.scope.clone(), self.id.to_owned())
    }

    fn permission<O: Operation>(cx: &Cx, id: &str) -> Result<Permissions, Fault> {
        Ok(Permission::of::<O>(Known::find(cx, id)?.arn(&cx.scope)).into())
    }

    fn shown(&self, cx: &Cx, changed: Option<&Setting>) -> ServiceSetting {
        ServiceSetting {
            setting_id: Some(self.id.to_owned()),
            setting_value: Some(changed.map_or(self.default, |setting| &setting.value).to_owned()),
            // AWS: unverified date of a default.
            last_modified_date: Some(changed.map_or(Timestamp::from_secs(1_556_551_683), |setting| setting.modified)),
            last_modified_user: Some(changed.map_or(SYSTEM, |setting| &setting.user).to_owned()),
            arn: Some(self.arn(&cx.scope).to_string()),
            status: Some(if changed.is_some() { "Customized" } else { "Default" }.to_owned()),
        }
    }
}

/// The tier of new parameters, unless a request names one.
pub fn default_tier(state: &State, scope: &Scope) -> String {
    state.settings.get(&(scope.clone(), DEFAULT_TIER.to_owned())).map_or("Standard", |setting| &setting.value).to_owned()
}

/// Whether documents may not be shared with everybody.
pub fn blocks_public_documents(state: &State, scope: &Scope) -> bool {
    const PUBLIC_SHARING: &str = "/ssm/documents/console/public-sharing-permission";
    state.settings.get(&(scope.clone(), PUBLIC_SHARING.to_owned())).is_some_and(|setting| setting.value == "Disable")
}

impl Handle<GetServiceSetting> for Ssm {
    fn permissions(&self, cx: &Cx, input: &GetServiceSettingRequest) -> Result<Permissions, Fault> {
        Known::permission::<GetServiceSetting>(cx, &input.setting_id)
    }

    async fn handle(&self, cx: &Cx, input: GetServiceSettingRequest) -> Result<GetServiceSettingResult, Fault> {
        let known = Known::find(cx, &input.setting_id)?;
        let setting = self.store.read(|state| known.shown(cx, state.settings.get(&known.key(cx))));
        Ok(GetServiceSettingResult { service_setting: Some(setting) })
    }
}

impl Handle<UpdateServiceSetting> for Ssm {
    fn permissions(&self, cx: &Cx, input: &UpdateServiceSettingRequest) -> Result<Permissions, Fault> {
        Known::permission::<UpdateServiceSetting>(cx, &input.setting_id)
    }

    async fn handle(&self, cx: &Cx, input: UpdateServiceSettingRequest) -> Result<UpdateServiceSettingResult, Fault> {
        let known = Known::find(cx, &input.setting_id)?;
        if !known.values.is_empty() && !known.values.contains(&input.setting_value.as_str()) {
            // AWS: unverified message.
            return Err(faults::validation(format!("Invalid value for {}. Valid values are: [{}]", known.id, known.values.join(", "))));
        }
        let setting = Setting { value: input.setting_value, modified: cx.now, user: cx.caller.arn.clone() };
        self.store.update(|state| state.settings.insert(known.key(cx), setting));
        Ok(UpdateServiceSettingResult {})
    }
}

impl Handle<ResetServiceSetting> for Ssm {
    fn permissions(&self, cx: &Cx, input: &ResetServiceSettingRequest) -> Result<Permissions, Fault> {
        Known::permission::<ResetServiceSetting>(cx, &input.setting_id)
    }

    async fn handle(&self, cx: &Cx, input: ResetServiceSettingRequest) -> Result<ResetServiceSettingResult, Fault> {
        let known = Known::find(cx, &input.setting_id)?;
        self.store.update(|state| state.settings.remove(&known.key(cx)));
        Ok(ResetServiceSettingResult { service_setting: Some(known.shown(cx, None)) })
    }
}
