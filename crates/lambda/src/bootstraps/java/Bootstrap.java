// Runs a function in Java: takes events from the Runtime API, and gives back what its handler answers. Code that brings AWS's own runtime
// interface client is run by that.
// <https://docs.aws.amazon.com/lambda/latest/dg/java-handler.html>

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.net.HttpURLConnection;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

public final class Bootstrap {
    private static final String CLIENT = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda";
    private static final String API = "http://" + System.getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/";

    public static void main(String[] arguments) throws Exception {
        String handler = System.getenv("_HANDLER");
        ClassLoader code = loader();
        Thread.currentThread().setContextClassLoader(code);
        Class<?> client = find(code, CLIENT);
        if (client != null) {
            client.getMethod("main", String[].class).invoke(null, (Object) new String[] {handler});
            return;
        }
        Handler handles;
        try {
            handles = Handler.load(code, handler);
        } catch (Throwable failure) {
            tell("init/error", failure);
            System.exit(1);
            return;
        }
        while (true) {
            HttpURLConnection next = (HttpURLConnection) new URL(API + "invocation/next").openConnection();
            byte[] event = read(next.getInputStream());
            String id = next.getHeaderField("Lambda-Runtime-Aws-Request-Id");
            String trace = next.getHeaderField("Lambda-Runtime-Trace-Id");
            if (trace != null) {
                System.setProperty("com.amazonaws.xray.traceHeader", trace);
            }
            try {
                post("invocation/" + id + "/response", handles.handle(event, new Invocation(next)), null);
            } catch (Throwable failure) {
                tell("invocation/" + id + "/error", failure);
                if (cause(failure) instanceof Error) {
                    System.exit(1);
                }
            }
        }
    }

    // AWS: the archive itself, the jars in its `lib`, and those of layers in `java/lib`.
    private static ClassLoader loader() throws Exception {
        List<URL> places = new ArrayList<>();
        File task = new File(System.getenv("LAMBDA_TASK_ROOT"));
        places.add(task.toURI().toURL());
        for (File folder : new File[] {new File(task, "lib"), new File(System.getenv("_CLOUDLET_LAYERS"), "java/lib")}) {
            File[] jars = folder.listFiles((in, name) -> name.endsWith(".jar"));
            if (jars != null) {
                Arrays.sort(jars);
                for (File jar : jars) {
                    places.add(jar.toURI().toURL());
                }
            }
        }
        return new URLClassLoader(places.toArray(new URL[0]), Bootstrap.class.getClassLoader());
    }

    static Class<?> find(ClassLoader code, String name) {
        try {
            return Class.forName(name, true, code);
        } catch (ClassNotFoundException absent) {
            return null;
        }
    }

    static byte[] read(InputStream from) throws Exception {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] piece = new byte[8192];
        for (int length; (length = from.read(piece)) >= 0; ) {
            all.write(piece, 0, length);
        }
        return all.toByteArray();
    }

    private static void post(String path, byte[] body, String kind) throws Exception {
        HttpURLConnection connection = (HttpURLConnection) new URL(API + path).openConnection();
        connection.setRequestMethod("POST");
        connection.setDoOutput(true);
        connection.setRequestProperty("Content-Type", "application/json");
        if (kind != null) {
            connection.setRequestProperty("Lambda-Runtime-Function-Error-Type", kind);
        }
        connection.setFixedLengthStreamingMode(body.length);
        try (OutputStream to = connection.getOutputStream()) {
            to.write(body);
        }
        InputStream answer = connection.getResponseCode() < 400 ? connection.getInputStream() : connection.getErrorStream();
        if (answer != null) {
            read(answer);
        }
    }

    private static Throwable cause(Throwable failure) {
        return failure instanceof InvocationTargetException && failure.getCause() != null ? failure.getCause() : failure;
    }

    private static void tell(String path, Throwable failure) throws Exception {
        Throwable cause = cause(failure);
        System.out.println(text(cause));
        post(path, Json.write(shown(cause, 0)).getBytes(StandardCharsets.UTF_8), cause.getClass().getName());
    }

    // As AWS prints it.
    private static String text(Throwable failure) {
        StringBuilder text = new StringBuilder(failure.getMessage() + ": " + failure.getClass().getName());
        text.append('\r').append(failure.getClass().getName()).append(": ").append(failure.getMessage());
        for (StackTraceElement element : frames(failure)) {
            text.append("\r\tat ").append(element);
        }
        return text.toString();
    }

    private static Map<String, Object> shown(Throwable failure, int depth) {
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("errorMessage", failure.getMessage());
        shown.put("errorType", failure.getClass().getName());
        List<String> trace = new ArrayList<>();
        for (StackTraceElement element : frames(failure)) {
            trace.add(element.toString());
        }
        shown.put("stackTrace", trace);
        if (failure.getCause() != null && depth < 10) {
            shown.put("cause", shown(failure.getCause(), depth + 1));
        }
        return shown;
    }

    // Those of the function, without what has called it.
    private static List<StackTraceElement> frames(Throwable failure) {
        List<StackTraceElement> frames = new ArrayList<>(Arrays.asList(failure.getStackTrace()));
        int own = frames.size();
        for (int at = frames.size() - 1; at >= 0; at--) {
            String name = frames.get(at).getClassName();
            if (name.equals("Bootstrap") || name.startsWith("Handler") || name.startsWith("java.lang.reflect.") || name.startsWith("jdk.internal.reflect.")) {
                own = at;
            } else {
                break;
            }
        }
        return frames.subList(0, own);
    }
}
