// An event's surroundings: what the context of a handler tells.

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.HttpURLConnection;
import java.nio.charset.StandardCharsets;
import java.util.Map;

final class Invocation {
    private final String id;
    private final String arn;
    private final long deadline;
    private final Object client;

    Invocation(HttpURLConnection next) {
        id = next.getHeaderField("Lambda-Runtime-Aws-Request-Id");
        arn = next.getHeaderField("Lambda-Runtime-Invoked-Function-Arn");
        deadline = Long.parseLong(next.getHeaderField("Lambda-Runtime-Deadline-Ms"));
        String text = next.getHeaderField("Lambda-Runtime-Client-Context");
        client = text == null ? null : Json.read(text);
    }

    // `context` is the interface of that name, as the function's code has it.
    Object as(Class<?> context) {
        InvocationHandler answers = (self, method, arguments) -> answer(context.getClassLoader(), method);
        return Proxy.newProxyInstance(context.getClassLoader(), new Class<?>[] {context}, answers);
    }

    private Object answer(ClassLoader code, Method method) {
        switch (method.getName()) {
            case "getAwsRequestId":
                return id;
            case "getLogGroupName":
                return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
            case "getLogStreamName":
                return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
            case "getFunctionName":
                return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
            case "getFunctionVersion":
                return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
            case "getInvokedFunctionArn":
                return arn;
            case "getMemoryLimitInMB":
                return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
            case "getRemainingTimeInMillis":
                return (int) Math.max(0, deadline - System.currentTimeMillis());
            case "getLogger":
                return logger(code, method.getReturnType());
            case "getClientContext":
                return client == null ? null : clientContext(code, method.getReturnType());
            case "toString":
                return "Context of " + id;
            case "hashCode":
                return id.hashCode();
            case "equals":
                return false;
            default:
                return null;
        }
    }

    private static Object logger(ClassLoader code, Class<?> logger) {
        return Proxy.newProxyInstance(code, new Class<?>[] {logger}, (self, method, arguments) -> {
            if (arguments != null && arguments.length > 0) {
                Object line = arguments[0];
                String text = line instanceof byte[] ? new String((byte[]) line, StandardCharsets.UTF_8) : String.valueOf(line);
                System.out.print(text.endsWith("\n") ? text : text + "\n");
                System.out.flush();
            }
            return null;
        });
    }

    private Object clientContext(ClassLoader code, Class<?> type) {
        return Proxy.newProxyInstance(code, new Class<?>[] {type}, (self, method, arguments) -> {
            Map<?, ?> document = client instanceof Map ? (Map<?, ?>) client : java.util.Collections.emptyMap();
            String member = method.getName().equals("getCustom") ? "custom" : method.getName().equals("getEnvironment") ? "env" : null;
            return member == null ? null : Beans.convert(document.get(member), Map.class);
        });
    }
}
