// The AWS SDK for Go v2, its default chain, and one client for as long as there are questions.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		panic(err)
	}
	client := sts.NewFromConfig(cfg)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		answer, err := answerTo(ctx, lines.Text(), client)
		if err != nil {
			answer = "error " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Println(answer)
	}
}

func answerTo(ctx context.Context, question string, client *sts.Client) (string, error) {
	if question == "region" {
		// Off unless asked for, by this option or AWS_DEFAULTS_MODE=auto.
		cfg, err := config.LoadDefaultConfig(ctx, config.WithEC2IMDSRegion())
		return "ok " + cfg.Region, err
	}
	identity, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", err
	}
	return "ok " + *identity.Arn, nil
}
