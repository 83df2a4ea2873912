// JSON as maps, lists, texts, numbers, truth values and `null`.

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

final class Json {
    private static final int DEEPEST = 500;

    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    static Object read(String text) {
        Json reader = new Json(text);
        Object value = reader.value(0);
        reader.space();
        if (reader.at < text.length()) {
            throw reader.wrong();
        }
        return value;
    }

    private RuntimeException wrong() {
        return new IllegalArgumentException("The event is no JSON at character " + at);
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private char next() {
        space();
        if (at >= text.length()) {
            throw wrong();
        }
        return text.charAt(at);
    }

    private void expect(String wanted) {
        if (!text.startsWith(wanted, at)) {
            throw wrong();
        }
        at += wanted.length();
    }

    private Object value(int depth) {
        if (depth > DEEPEST) {
            throw wrong();
        }
        switch (next()) {
            case '{':
                return object(depth);
            case '[':
                return list(depth);
            case '"':
                return string();
            case 't':
                expect("true");
                return true;
            case 'f':
                expect("false");
                return false;
            case 'n':
                expect("null");
                return null;
            default:
                return number();
        }
    }

    private Map<String, Object> object(int depth) {
        Map<String, Object> members = new LinkedHashMap<>();
        at++;
        if (next() == '}') {
            at++;
            return members;
        }
        while (true) {
            if (next() != '"') {
                throw wrong();
            }
            String name = string();
            next();
            expect(":");
            members.put(name, value(depth + 1));
            if (next() == '}') {
                at++;
                return members;
            }
            expect(",");
        }
    }

    private List<Object> list(int depth) {
        List<Object> values = new ArrayList<>();
        at++;
        if (next() == ']') {
            at++;
            return values;
        }
        while (true) {
            values.add(value(depth + 1));
            if (next() == ']') {
                at++;
                return values;
            }
            expect(",");
        }
    }

    private String string() {
        StringBuilder all = new StringBuilder();
        at++;
        while (at < text.length()) {
            char one = text.charAt(at++);
            if (one == '"') {
                return all.toString();
            }
            if (one != '\\') {
                all.append(one);
                continue;
            }
            if (at >= text.length()) {
                break;
            }
            char escaped = text.charAt(at++);
            int place = "bfnrt".indexOf(escaped);
            if (place >= 0) {
                all.append("\b\f\n\r\t".charAt(place));
            } else if (escaped == 'u' && at + 4 <= text.length()) {
                all.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                at += 4;
            } else {
                all.append(escaped);
            }
        }
        throw wrong();
    }

    private Number number() {
        int from = at;
        while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        String digits = text.substring(from, at);
        if (digits.isEmpty()) {
            throw wrong();
        }
        if (digits.matches("-?[0-9]+")) {
            BigInteger whole = new BigInteger(digits);
            if (whole.bitLength() < 32) {
                return whole.intValue();
            }
            if (whole.bitLength() < 64) {
                return whole.longValue();
            }
            return whole;
        }
        return Double.valueOf(digits);
    }

    static String write(Object value) {
        StringBuilder to = new StringBuilder();
        write(value, to, 0);
        return to.toString();
    }

    private static void write(Object value, StringBuilder to, int depth) {
        if (depth > DEEPEST) {
            throw new IllegalArgumentException("The answer is nested too deeply");
        }
        Object plain = Beans.plainValue(value);
        if (plain instanceof Map) {
            char before = '{';
            for (Map.Entry<?, ?> member : ((Map<?, ?>) plain).entrySet()) {
                to.append(before);
                quote(String.valueOf(member.getKey()), to);
                to.append(':');
                write(member.getValue(), to, depth + 1);
                before = ',';
            }
            to.append(before == '{' ? "{}" : "}");
        } else if (plain instanceof List) {
            char before = '[';
            for (Object one : (List<?>) plain) {
                to.append(before);
                write(one, to, depth + 1);
                before = ',';
            }
            to.append(before == '[' ? "[]" : "]");
        } else if (plain instanceof String) {
            quote((String) plain, to);
        } else if (plain instanceof BigDecimal) {
            to.append(((BigDecimal) plain).toPlainString());
        } else {
            to.append(plain);
        }
    }

    private static void quote(String text, StringBuilder to) {
        to.append('"');
        for (int at = 0; at < text.length(); at++) {
            char one = text.charAt(at);
            int place = "\"\\\b\f\n\r\t".indexOf(one);
            if (place >= 0) {
                to.append('\\').append("\"\\bfnrt".charAt(place));
            } else if (one < ' ') {
                to.append(String.format("\\u%04x", (int) one));
            } else {
                to.append(one);
            }
        }
        to.append('"');
    }
}
