//! Quotas, statistics, and whether the account sends.

use crate::access;
use cloudlet_api_ses::*;
use cloudlet_shape::Empty;

#[expect(clippy::cast_precision_loss, reason = "quotas are small")]
const fn number(value: u64) -> f64 {
    value as f64
}

operation!(GetSendQuota, |ses, cx, input| Ok(access::any::<GetSendQuota>(cx).into()), |ses, cx, input| {
    let quota = ses.quota(cx);
    Ok(GetSendQuotaResponse {
        max24_hour_send: Some(number(quota.daily)),
        max_send_rate: Some(number(quota.rate)),
        sent_last24_hours: Some(number(quota.sent)),
    })
});

operation!(GetSendStatistics, |ses, cx, input| Ok(access::any::<GetSendStatistics>(cx).into()), |ses, cx, input| {
    let points = ses.statistics(cx).into_iter().map(|(timestamp, point)| SendDataPoint {
        timestamp: Some(timestamp),
        delivery_attempts: Some(point.attempts),
        bounces: Some(point.bounces),
        complaints: Some(point.complaints),
        rejects: Some(point.rejects),
    });
    Ok(GetSendStatisticsResponse { send_data_points: Some(points.collect()) })
});

operation!(GetAccountSendingEnabled, |ses, cx, input| Ok(access::any::<GetAccountSendingEnabled>(cx).into()), |ses, cx, input| {
    Ok(GetAccountSendingEnabledResponse { enabled: Some(!ses.account(&cx.scope).sending_paused) })
});

operation!(UpdateAccountSendingEnabled, |ses, cx, input| Ok(access::any::<UpdateAccountSendingEnabled>(cx).into()), |ses, cx, input| {
    ses.change_account(&cx.scope, |account| account.sending_paused = !input.enabled.unwrap_or(false));
    Ok(Empty {})
});
