// The AWS SDK for Go v1, its default chain, and one client for as long as there are questions.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/sts"
)

func main() {
	// It has no variable for the endpoint of a service.
	endpoint := aws.Config{Endpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_STS"))}
	client := sts.New(session.Must(session.NewSession(&endpoint)))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		identity, err := client.GetCallerIdentity(&sts.GetCallerIdentityInput{})
		if err != nil {
			fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok", *identity.Arn)
		}
	}
}
