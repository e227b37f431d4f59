import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;

/** A receiver of the JDK alone, with JDBC: one thread and one connection a request, one durable INSERT a notification. */
public final class JavaReceiver {
    private static final String INSERT =
        "INSERT INTO plain_jobs (dedupe_key, kind, payload) VALUES (?, 'query', ?::jsonb) ON CONFLICT (dedupe_key) DO NOTHING";
    private static PublicKey key;
    private static final ThreadLocal<PreparedStatement> statement = new ThreadLocal<>();

    public static void main(String[] arguments) throws Exception {
        String pem = Files.readString(Path.of(System.getenv("ALIPAY_PUBLIC_KEY"))).replaceAll("-----[A-Z ]+-----|\\s", "");
        key = KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(pem)));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 1024);
        server.setExecutor(Executors.newFixedThreadPool(Integer.parseInt(arguments[1])));
        server.createContext("/notify/trade", JavaReceiver::answer);
        server.start();
    }

    private static void answer(HttpExchange exchange) throws IOException {
        int status = 400;
        String text = "fail";
        try {
            Map<String, String> parameters = parse(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            if (isSigned(parameters)) {
                store(parameters);
                status = 200;
                text = "success";
            }
        } catch (SQLException error) {
            statement.remove();
            status = 503;
        } catch (GeneralSecurityException | IllegalArgumentException error) {
            status = 400;
        }
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static Map<String, String> parse(String body) {
        Map<String, String> parameters = new TreeMap<>();
        for (String pair : body.split("&")) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                parameters.put(URLDecoder.decode(pair.substring(0, equals), StandardCharsets.UTF_8),
                    URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8));
            }
        }
        return parameters;
    }

    private static boolean isSigned(Map<String, String> parameters) throws GeneralSecurityException {
        StringBuilder content = new StringBuilder();
        for (Map.Entry<String, String> parameter : parameters.entrySet()) {
            String name = parameter.getKey();
            if (name.equals("sign") || name.equals("sign_type") || parameter.getValue().isEmpty()) continue;
            if (content.length() > 0) content.append('&');
            content.append(name).append('=').append(parameter.getValue());
        }
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initVerify(key);
        signature.update(content.toString().getBytes(StandardCharsets.UTF_8));
        return signature.verify(Base64.getDecoder().decode(parameters.getOrDefault("sign", "")));
    }

    private static void store(Map<String, String> parameters) throws SQLException {
        PreparedStatement insert = statement.get();
        if (insert == null) {
            Connection connection = DriverManager.getConnection(System.getenv("JDBC_URL"), "postgres", "");
            insert = connection.prepareStatement(INSERT);
            statement.set(insert);
        }
        insert.setString(1, "notify:" + parameters.get("notify_id"));
        insert.setString(2, json(parameters));
        insert.executeUpdate();
    }

    private static String json(Map<String, String> parameters) {
        StringBuilder json = new StringBuilder("{");
        for (Map.Entry<String, String> parameter : parameters.entrySet()) {
            if (json.length() > 1) json.append(',');
            quote(parameter.getKey(), json);
            json.append(':');
            quote(parameter.getValue(), json);
        }
        return json.append('}').toString();
    }

    private static void quote(String text, StringBuilder json) {
        json.append('"');
        for (int index = 0; index < text.length(); index++) {
            char character = text.charAt(index);
            if (character == '"' || character == '\\') json.append('\\').append(character);
            else if (character < 32) json.append(String.format("\\u%04x", (int) character));
            else json.append(character);
        }
        json.append('"');
    }
}
