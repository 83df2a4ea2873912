//! Reserved concurrency, recursive loops, and what an account has and uses.

use crate::{Lambda, faults, functions::on_function, limits, names, state::Recursion};
use cloudlet_api_lambda::*;
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Permission, handler};
use cloudlet_shape::Empty;
use std::sync::Arc;

handler!(
    Lambda,
    PutFunctionConcurrency,
    |lambda, cx, input| Ok(on_function::<PutFunctionConcurrency>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.whole()?;
        let function = lambda.function(&key)?;
        let wanted = input.reserved_concurrent_executions;
        let (unreserved, provisioned) = lambda.store.read(|state| (state.unreserved(&key.scope()), state.provisioned_total(&key)));
        if wanted < provisioned {
            let text =
                format!(" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned concurrency [{provisioned}].");
            // AWS: recorded without a type, and with these spaces.
            return Err(faults::INVALID_PARAMETER_VALUE.says(text));
        }
        let own = function.reserved.unwrap_or(provisioned);
        if wanted > 0 && unreserved + own - wanted < limits::UNRESERVED {
            let text =
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of";
            // AWS: recorded without a type.
            return Err(faults::INVALID_PARAMETER_VALUE.says(format!("{text} [{}].", limits::UNRESERVED)));
        }
        lambda.change_function(&key, |function| {
            function.reserved = Some(wanted);
            Ok(())
        })?;
        Ok(Concurrency { reserved_concurrent_executions: Some(wanted) })
    }
);

handler!(
    Lambda,
    GetFunctionConcurrency,
    |lambda, cx, input| Ok(on_function::<GetFunctionConcurrency>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.whole()?;
        // AWS: recorded: here the function is not named by `$LATEST`.
        let function = lambda.function(&key).map_err(|_| faults::no_function(key.arn()))?;
        Ok(GetFunctionConcurrencyResponse { reserved_concurrent_executions: function.reserved })
    }
);

handler!(
    Lambda,
    DeleteFunctionConcurrency,
    |lambda, cx, input| Ok(on_function::<DeleteFunctionConcurrency>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.whole()?;
        lambda.function(&key)?;
        lambda.change_function(&key, |function| {
            function.reserved = None;
            Ok(())
        })?;
        Ok(Empty {})
    }
);

fn recursion(loops: Recursion) -> String {
    match loops {
        Recursion::Allow => "Allow",
        Recursion::Terminate => "Terminate",
    }
    .to_owned()
}

handler!(
    Lambda,
    PutFunctionRecursionConfig,
    |lambda, cx, input| Ok(on_function::<PutFunctionRecursionConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.whole()?;
        let loops = if input.recursive_loop == "Allow" { Recursion::Allow } else { Recursion::Terminate };
        lambda.change_function(&key, |function| {
            function.recursion = loops;
            Ok(())
        })?;
        Ok(PutFunctionRecursionConfigResponse { recursive_loop: Some(recursion(loops)) })
    }
);

handler!(
    Lambda,
    GetFunctionRecursionConfig,
    |lambda, cx, input| Ok(on_function::<GetFunctionRecursionConfig>(lambda, cx, &input.function_name)?.into()),
    |lambda, cx, input| {
        let key = names::function(cx, &input.function_name, None)?.whole()?;
        let function = lambda.store.read(|state| state.functions.get(&key).map(Arc::clone)).ok_or_else(|| faults::no_function(key.arn()))?;
        Ok(GetFunctionRecursionConfigResponse { recursive_loop: Some(recursion(function.recursion)) })
    }
);

handler!(
    Lambda,
    GetAccountSettings,
    |lambda, cx, input| Ok(Permission::of::<GetAccountSettings>(Arn::any()).owned_by(cx.scope.account).into()),
    |lambda, cx, input| {
        let (bytes, functions) = lambda.store.read(|state| (state.code_bytes(&cx.scope), state.functions_of(&cx.scope).count()));
        let count = i64::try_from(functions).map_err(Fault::internal)?;
        Ok(GetAccountSettingsResponse {
            account_limit: Some(AccountLimit {
                total_code_size: Some(limits::CODE_BYTES_PER_ACCOUNT),
                code_size_unzipped: i64::try_from(limits::UNPACKED_BYTES).ok(),
                code_size_zipped: i64::try_from(limits::ZIP_BYTES).ok(),
                concurrent_executions: Some(limits::CONCURRENCY),
                unreserved_concurrent_executions: Some(lambda.store.read(|state| state.unreserved(&cx.scope))),
            }),
            account_usage: Some(AccountUsage { total_code_size: Some(bytes), function_count: Some(count) }),
        })
    }
);
