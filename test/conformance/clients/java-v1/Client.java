import com.amazonaws.client.builder.AwsClientBuilder.EndpointConfiguration;
import com.amazonaws.services.securitytoken.AWSSecurityTokenService;
import com.amazonaws.services.securitytoken.AWSSecurityTokenServiceClientBuilder;
import com.amazonaws.services.securitytoken.model.GetCallerIdentityRequest;
import java.io.BufferedReader;
import java.io.InputStreamReader;

/** The AWS SDK for Java v1, its default chain, and one client for as long as there are questions. */
public class Client {
  public static void main(String[] args) throws Exception {
    // It has no variable for the address of IMDS, but a property; and none for the endpoint of a service.
    String imds = System.getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (imds != null) System.setProperty("com.amazonaws.sdk.ec2MetadataServiceEndpointOverride", imds);
    AWSSecurityTokenService sts =
        AWSSecurityTokenServiceClientBuilder.standard()
            .withEndpointConfiguration(new EndpointConfiguration(System.getenv("AWS_ENDPOINT_URL_STS"), "us-east-1"))
            .build();
    BufferedReader questions = new BufferedReader(new InputStreamReader(System.in));
    while (questions.readLine() != null) {
      try {
        System.out.println("ok " + sts.getCallerIdentity(new GetCallerIdentityRequest()).getArn());
      } catch (Exception error) {
        System.out.println(("error " + error).replace('\n', ' '));
      }
    }
  }
}
