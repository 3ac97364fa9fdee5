import aws.sdk.kotlin.runtime.region.DefaultRegionProviderChain;
import aws.sdk.kotlin.services.sts.StsClient;
import aws.sdk.kotlin.services.sts.model.GetCallerIdentityRequest;
import aws.sdk.kotlin.services.sts.model.GetCallerIdentityResponse;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import kotlin.Unit;
import kotlin.coroutines.Continuation;
import kotlin.coroutines.EmptyCoroutineContext;
import kotlinx.coroutines.BuildersKt;

/** The AWS SDK for Kotlin, its default chains, and one client for as long as there are questions. Java needs no other compiler. */
public class Client {
  private static StsClient sts;

  public static void main(String[] args) throws Exception {
    BufferedReader questions = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = questions.readLine()) != null; ) {
      try {
        System.out.println("ok " + answerTo(line));
      } catch (Exception error) {
        System.out.println(("error " + error).replace('\n', ' '));
      }
    }
    // Threads of its HTTP client outlive the last question.
    System.exit(0);
  }

  private static String answerTo(String question) throws InterruptedException {
    if (question.equals("region")) {
      String region = Client.<String>await(next -> new DefaultRegionProviderChain().getRegion(next));
      if (region == null) throw new IllegalStateException("no region");
      return region;
    }
    if (sts == null)
      sts = Client.<StsClient>await(next -> StsClient.Companion.fromEnvironment(builder -> Unit.INSTANCE, next));
    GetCallerIdentityRequest request = GetCallerIdentityRequest.Companion.invoke(builder -> Unit.INSTANCE);
    GetCallerIdentityResponse identity = Client.<GetCallerIdentityResponse>await(next -> sts.getCallerIdentity(request, next));
    return identity.getArn();
  }

  private interface Suspending {
    Object run(Continuation<Object> next);
  }

  /** What a suspending function gives; it may answer at once, or later. */
  @SuppressWarnings("unchecked")
  private static <T> T await(Suspending function) throws InterruptedException {
    return (T) BuildersKt.<Object>runBlocking(EmptyCoroutineContext.INSTANCE, (scope, next) -> function.run((Continuation<Object>) next));
  }
}
