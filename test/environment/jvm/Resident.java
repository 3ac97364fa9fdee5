import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.HashMap;
import java.util.Map;

/**
 * Lets a client of the conformance matrix call once in each environment that is a line of standard input, as a JVM takes a second to
 * start. A line has NAME=VALUE pairs between U+0001. The environment of a JVM cannot be changed but by reflection.
 */
public class Resident {
  public static void main(String[] args) throws Exception {
    Class<?> client = Class.forName("Client");
    Field sts = client.getDeclaredField("sts");
    sts.setAccessible(true);
    Method call = client.getDeclaredMethod("answerTo", String.class);
    call.setAccessible(true);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = lines.readLine()) != null; ) {
      Map<String, String> environment = new HashMap<>();
      for (String pair : line.split("\u0001")) {
        int equals = pair.indexOf('=');
        environment.put(pair.substring(0, equals), pair.substring(equals + 1).replace("\u0002", "\n"));
      }
      replaceEnvironment(environment);
      System.setProperty("user.home", environment.get("HOME"));
      sts.set(null, null);
      System.out.println(answer(call));
    }
    System.exit(0);
  }

  private static String answer(Method call) throws Exception {
    try {
      return "ok " + call.invoke(null, "call");
    } catch (InvocationTargetException error) {
      return ("error " + error.getCause()).replace('\n', ' ');
    }
  }

  private static void replaceEnvironment(Map<String, String> environment) throws Exception {
    Field held = Class.forName("java.lang.ProcessEnvironment").getDeclaredField("theUnmodifiableEnvironment");
    held.setAccessible(true);
    Field map = Class.forName("java.util.Collections$UnmodifiableMap").getDeclaredField("m");
    map.setAccessible(true);
    map.set(held.get(null), environment);
  }
}
