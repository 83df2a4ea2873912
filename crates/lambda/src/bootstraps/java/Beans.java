// Values of JSON as objects of a function's own classes, and back: by their setters and getters, as AWS does.

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

final class Beans {
    static Class<?> plain(Type type) {
        if (type instanceof Class) {
            return (Class<?>) type;
        }
        if (type instanceof ParameterizedType) {
            return plain(((ParameterizedType) type).getRawType());
        }
        if (type instanceof GenericArrayType) {
            return Array.newInstance(plain(((GenericArrayType) type).getGenericComponentType()), 0).getClass();
        }
        if (type instanceof WildcardType) {
            return plain(((WildcardType) type).getUpperBounds()[0]);
        }
        return Object.class;
    }

    private static Type argument(Type type, int at) {
        if (type instanceof ParameterizedType) {
            Type[] given = ((ParameterizedType) type).getActualTypeArguments();
            if (at < given.length) {
                return given[at];
            }
        }
        return Object.class;
    }

    static Object convert(Object value, Type type) {
        Class<?> to = plain(type);
        if (value == null || to == Object.class) {
            return value;
        }
        if (value instanceof Map) {
            return Map.class.isAssignableFrom(to) ? map((Map<?, ?>) value, type, to) : bean((Map<?, ?>) value, to);
        }
        if (value instanceof List) {
            return list((List<?>) value, type, to);
        }
        return scalar(value, to);
    }

    private static Object map(Map<?, ?> from, Type type, Class<?> to) {
        Map<Object, Object> all = to == TreeMap.class ? new TreeMap<>() : new LinkedHashMap<>();
        from.forEach((name, member) -> all.put(scalar(name, plain(argument(type, 0))), convert(member, argument(type, 1))));
        if (to.isInstance(all)) {
            return all;
        }
        try {
            @SuppressWarnings("unchecked")
            Map<Object, Object> own = (Map<Object, Object>) to.getConstructor().newInstance();
            own.putAll(all);
            return own;
        } catch (ReflectiveOperationException not) {
            throw unfit(from, to);
        }
    }

    private static Object list(List<?> from, Type type, Class<?> to) {
        if (to.isArray()) {
            Type of = type instanceof GenericArrayType ? ((GenericArrayType) type).getGenericComponentType() : to.getComponentType();
            Object all = Array.newInstance(to.getComponentType(), from.size());
            for (int at = 0; at < from.size(); at++) {
                Array.set(all, at, convert(from.get(at), of));
            }
            return all;
        }
        Collection<Object> all = Set.class.isAssignableFrom(to) ? new LinkedHashSet<>() : new ArrayList<>();
        if (!to.isInstance(all)) {
            throw unfit(from, to);
        }
        from.forEach(one -> all.add(convert(one, argument(type, 0))));
        return all;
    }

    private static Object scalar(Object value, Class<?> to) {
        if (to.isInstance(value)) {
            return value;
        }
        if (to == String.class || to == CharSequence.class) {
            return String.valueOf(value);
        }
        try {
            if (to == boolean.class || to == Boolean.class) {
                return value instanceof Boolean ? value : Boolean.valueOf(String.valueOf(value));
            }
            String text = String.valueOf(value);
            if (to.isPrimitive() || Number.class.isAssignableFrom(to) || to == Character.class) {
                return number(text, to);
            }
            if (to == ByteBuffer.class) {
                return ByteBuffer.wrap(Base64.getDecoder().decode(text));
            }
            if (to == byte[].class) {
                return Base64.getDecoder().decode(text);
            }
            if (to == java.util.Date.class) {
                long millis = value instanceof Number ? (long) (((Number) value).doubleValue() * 1000) : java.time.OffsetDateTime.parse(text).toInstant().toEpochMilli();
                return new java.util.Date(millis);
            }
            return ofText(value, text, to);
        } catch (ReflectiveOperationException | RuntimeException not) {
            throw unfit(value, to);
        }
    }

    private static Object number(String text, Class<?> to) {
        if (to == char.class || to == Character.class) {
            return text.charAt(0);
        }
        BigDecimal exact = new BigDecimal(text);
        if (to == int.class || to == Integer.class) {
            return exact.intValue();
        }
        if (to == long.class || to == Long.class) {
            return exact.longValue();
        }
        if (to == double.class || to == Double.class) {
            return exact.doubleValue();
        }
        if (to == float.class || to == Float.class) {
            return exact.floatValue();
        }
        if (to == short.class || to == Short.class) {
            return exact.shortValue();
        }
        if (to == byte.class || to == Byte.class) {
            return exact.byteValue();
        }
        if (to == BigInteger.class) {
            return exact.toBigInteger();
        }
        return exact;
    }

    // Dates, enumerations and the like say themselves how they are read.
    private static Object ofText(Object value, String text, Class<?> to) throws ReflectiveOperationException {
        for (String name : new String[] {"valueOf", "parse", "fromString"}) {
            for (Class<?> from : new Class<?>[] {String.class, CharSequence.class}) {
                try {
                    Method method = to.getMethod(name, from);
                    if (Modifier.isStatic(method.getModifiers()) && to.isAssignableFrom(method.getReturnType())) {
                        return method.invoke(null, text);
                    }
                } catch (NoSuchMethodException next) {
                    continue;
                }
            }
        }
        for (Constructor<?> made : to.getConstructors()) {
            if (made.getParameterCount() == 1 && made.getParameterTypes()[0].isInstance(value)) {
                return made.newInstance(value);
            }
        }
        throw new NoSuchMethodException();
    }

    private static RuntimeException unfit(Object value, Class<?> to) {
        return new IllegalArgumentException("An error occurred during JSON parsing: " + Json.write(value) + " is no " + to.getName());
    }

    // By its name, as this is compiled for versions that have none, too.
    private static boolean isRecord(Class<?> type) {
        return type.getSuperclass() != null && type.getSuperclass().getName().equals("java.lang.Record");
    }

    // A record is made of all its components. Those that are not there are null, or zero.
    private static Object record(Map<String, Object> members, Class<?> to) throws ReflectiveOperationException {
        Object[] components = (Object[]) Class.class.getMethod("getRecordComponents").invoke(to);
        Class<?>[] types = new Class<?>[components.length];
        Object[] values = new Object[components.length];
        for (int at = 0; at < components.length; at++) {
            Class<?> of = components[at].getClass();
            types[at] = (Class<?>) of.getMethod("getType").invoke(components[at]);
            Object member = members.get((String) of.getMethod("getName").invoke(components[at]));
            boolean isZero = member == null && types[at].isPrimitive();
            values[at] = isZero ? Array.get(Array.newInstance(types[at], 1), 0) : convert(member, (Type) of.getMethod("getGenericType").invoke(components[at]));
        }
        Constructor<?> made = to.getDeclaredConstructor(types);
        made.setAccessible(true);
        return made.newInstance(values);
    }

    private static Object bean(Map<?, ?> from, Class<?> to) {
        try {
            // AWS's own events write some names in another way than their members: `Records`, `eventSourceARN`.
            Map<String, Object> members = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            from.forEach((name, member) -> members.put(String.valueOf(name), member));
            if (isRecord(to)) {
                return record(members, to);
            }
            Constructor<?> made = to.getDeclaredConstructor();
            made.setAccessible(true);
            Object bean = made.newInstance();
            for (Method method : to.getMethods()) {
                String name = method.getName();
                if (name.length() > 3 && name.startsWith("set") && method.getParameterCount() == 1 && members.containsKey(name.substring(3))) {
                    method.setAccessible(true);
                    method.invoke(bean, convert(members.remove(name.substring(3)), method.getGenericParameterTypes()[0]));
                }
            }
            for (Field field : to.getFields()) {
                if (!Modifier.isStatic(field.getModifiers()) && !Modifier.isFinal(field.getModifiers()) && members.containsKey(field.getName())) {
                    field.set(bean, convert(members.get(field.getName()), field.getGenericType()));
                }
            }
            return bean;
        } catch (ReflectiveOperationException not) {
            throw unfit(from, to);
        }
    }

    // A value as JSON has it, its members as they are.
    static Object plainValue(Object value) {
        if (value == null || value instanceof Map || value instanceof List || value instanceof String || value instanceof Boolean) {
            return value;
        }
        if (value instanceof Double && (((Double) value).isNaN() || ((Double) value).isInfinite())) {
            return value.toString();
        }
        if (value instanceof Number) {
            return value;
        }
        if (value instanceof Collection) {
            return new ArrayList<>((Collection<?>) value);
        }
        if (value instanceof Optional) {
            return plainValue(((Optional<?>) value).orElse(null));
        }
        if (value instanceof byte[]) {
            return Base64.getEncoder().encodeToString((byte[]) value);
        }
        if (value instanceof ByteBuffer) {
            ByteBuffer bytes = ((ByteBuffer) value).duplicate();
            byte[] all = new byte[bytes.remaining()];
            bytes.get(all);
            return Base64.getEncoder().encodeToString(all);
        }
        if (value instanceof java.util.Date) {
            return ((java.util.Date) value).getTime();
        }
        if (value.getClass().isArray()) {
            List<Object> all = new ArrayList<>();
            for (int at = 0; at < Array.getLength(value); at++) {
                all.add(Array.get(value, at));
            }
            return all;
        }
        if (value instanceof Enum || value instanceof CharSequence || value instanceof Character || value.getClass().getName().startsWith("java.")) {
            return value.toString();
        }
        return members(value);
    }

    private static Map<String, Object> members(Object bean) {
        Map<String, Object> members = new LinkedHashMap<>();
        try {
            for (Field field : bean.getClass().getFields()) {
                if (!Modifier.isStatic(field.getModifiers())) {
                    members.put(field.getName(), field.get(bean));
                }
            }
            Map<String, Object> got = new TreeMap<>();
            for (Method method : bean.getClass().getMethods()) {
                String name = method.getName();
                boolean isOwn = method.getDeclaringClass() != Object.class && method.getParameterCount() == 0 && !Modifier.isStatic(method.getModifiers());
                int prefix = name.startsWith("get") ? 3 : name.startsWith("is") && method.getReturnType() == boolean.class ? 2 : 0;
                if (isOwn && prefix > 0 && name.length() > prefix && method.getReturnType() != void.class) {
                    method.setAccessible(true);
                    got.put(Character.toLowerCase(name.charAt(prefix)) + name.substring(prefix + 1), method.invoke(bean));
                }
            }
            got.forEach(members::putIfAbsent);
            if (isRecord(bean.getClass())) {
                for (Field field : bean.getClass().getDeclaredFields()) {
                    if (!Modifier.isStatic(field.getModifiers())) {
                        Method method = bean.getClass().getMethod(field.getName());
                        method.setAccessible(true);
                        members.put(field.getName(), method.invoke(bean));
                    }
                }
            }
        } catch (ReflectiveOperationException not) {
            throw new IllegalArgumentException("The answer cannot be written as JSON: " + not);
        }
        return members;
    }
}
