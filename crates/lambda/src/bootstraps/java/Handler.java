// A function's handler: an object with an interface of AWS's library, or any public method of a class.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

final class Handler {
    private static final String LIBRARY = "com.amazonaws.services.lambda.runtime.";

    private final Object target;
    private final Method method;
    // Of the event. `null`: none is taken.
    private final Type input;
    private final Class<?> context;
    private final boolean streams;

    private Handler(Object target, Method method, Type input, Class<?> context, boolean streams) {
        this.target = target;
        this.method = method;
        this.input = input;
        this.context = context;
        this.streams = streams;
    }

    static Handler load(ClassLoader code, String named) throws Exception {
        int at = named.indexOf("::");
        String name = at < 0 ? named : named.substring(0, at);
        Class<?> type = Bootstrap.find(code, name);
        if (type == null) {
            throw new ClassNotFoundException("Class not found: " + name);
        }
        Class<?> context = Bootstrap.find(code, LIBRARY + "Context");
        if (at < 0) {
            Class<?> whole = Bootstrap.find(code, LIBRARY + "RequestHandler");
            if (whole != null && whole.isAssignableFrom(type)) {
                Method method = whole.getMethod("handleRequest", Object.class, context);
                return new Handler(made(type), method, argument(type, whole, new HashMap<>()), context, false);
            }
            Class<?> streams = Bootstrap.find(code, LIBRARY + "RequestStreamHandler");
            if (streams != null && streams.isAssignableFrom(type)) {
                Method method = streams.getMethod("handleRequest", InputStream.class, OutputStream.class, context);
                return new Handler(made(type), method, null, context, true);
            }
        }
        return ofMethod(type, at < 0 ? "handleRequest" : named.substring(at + 2), context);
    }

    // AWS: of several methods of the name, the one with most parameters, and the context among them.
    private static Handler ofMethod(Class<?> type, String name, Class<?> context) throws Exception {
        Method best = null;
        for (Method method : type.getMethods()) {
            if (method.getName().equals(name) && !method.isBridge() && fits(method, context) && (best == null || method.getParameterCount() > best.getParameterCount())) {
                best = method;
            }
        }
        if (best == null) {
            throw new NoSuchMethodException("No public method named " + name + " with appropriate method signature found on class " + type);
        }
        Object target = Modifier.isStatic(best.getModifiers()) ? null : made(type);
        Class<?>[] parameters = best.getParameterTypes();
        boolean streams = parameters.length > 1 && parameters[0] == InputStream.class && parameters[1] == OutputStream.class;
        Type first = parameters.length > 0 && parameters[0] != context ? best.getGenericParameterTypes()[0] : null;
        return new Handler(target, best, streams ? null : first, context, streams);
    }

    private static boolean fits(Method method, Class<?> context) {
        Class<?>[] parameters = method.getParameterTypes();
        switch (parameters.length) {
            case 0:
            case 1:
                return true;
            case 2:
                return parameters[1] == context || (parameters[0] == InputStream.class && parameters[1] == OutputStream.class);
            case 3:
                return parameters[0] == InputStream.class && parameters[1] == OutputStream.class && parameters[2] == context;
            default:
                return false;
        }
    }


    private static Object made(Class<?> type) throws Exception {
        return type.getConstructor().newInstance();
    }

    // The first argument that a class gives to an interface: the type of its events.
    private static Type argument(Type type, Class<?> wanted, Map<TypeVariable<?>, Type> known) {
        Class<?> plain = Beans.plain(type);
        if (type instanceof ParameterizedType) {
            Type[] given = ((ParameterizedType) type).getActualTypeArguments();
            TypeVariable<?>[] names = plain.getTypeParameters();
            for (int at = 0; at < names.length; at++) {
                known.put(names[at], known.getOrDefault(given[at], given[at]));
            }
        }
        if (plain == wanted) {
            Type found = known.get(plain.getTypeParameters()[0]);
            return found == null || found instanceof TypeVariable ? Object.class : found;
        }
        for (Type above : plain.getGenericInterfaces()) {
            if (wanted.isAssignableFrom(Beans.plain(above))) {
                return argument(above, wanted, known);
            }
        }
        return plain.getGenericSuperclass() == null ? Object.class : argument(plain.getGenericSuperclass(), wanted, known);
    }

    byte[] handle(byte[] event, Invocation invocation) throws Throwable {
        Object around = context == null ? null : invocation.as(context);
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        Class<?>[] parameters = method.getParameterTypes();
        Object[] arguments = new Object[parameters.length];
        int at = 0;
        if (streams) {
            arguments[at++] = new ByteArrayInputStream(event);
            arguments[at++] = written;
        } else if (input != null || (parameters.length > 0 && parameters[0] != context)) {
            arguments[at++] = Beans.convert(Json.read(new String(event, StandardCharsets.UTF_8)), input);
        }
        if (at < arguments.length) {
            arguments[at] = around;
        }
        // The class itself need not be public.
        method.setAccessible(true);
        Object answer = method.invoke(target, arguments);
        if (streams) {
            return written.toByteArray();
        }
        if (answer instanceof InputStream) {
            return Bootstrap.read((InputStream) answer);
        }
        if (method.getReturnType() == void.class) {
            return "null".getBytes(StandardCharsets.UTF_8);
        }
        return Json.write(answer).getBytes(StandardCharsets.UTF_8);
    }
}
