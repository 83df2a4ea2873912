//! A short form of `impl Handle`, for services whose operations are many and small.

/// `handler!(Iam, GetUser, |iam, cx, input| the permissions, |iam, cx, input| the result)`: both may return early with `?`.
#[macro_export]
macro_rules! handler {
    (
        $engine:ty, $operation:ident,
        |$e:ident, $c:ident, $n:ident| $permissions:expr,
        |$self:ident, $cx:ident, $input:ident| $result:expr $(,)?
    ) => {
        impl $crate::Handle<$operation> for $engine {
            #[allow(unused_variables, reason = "not every operation needs all three")]
            fn permissions(&self, $c: &$crate::Cx, $n: &<$operation as $crate::Operation>::Input) -> Result<$crate::Permissions, $crate::Fault> {
                let $e = self;
                $permissions
            }

            #[allow(unused_variables, unused_mut, reason = "not every operation needs all three")]
            async fn handle(
                &self,
                $cx: &$crate::Cx,
                mut $input: <$operation as $crate::Operation>::Input,
            ) -> Result<<$operation as $crate::Operation>::Output, $crate::Fault> {
                let $self = self;
                $result
            }
        }
    };
}
