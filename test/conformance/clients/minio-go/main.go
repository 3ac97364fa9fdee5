// minio-go with its provider for IMDS, and one client for as long as there are questions.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	// It has no variable for the address of IMDS.
	imds := credentials.NewIAM(os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT"))
	store := strings.TrimPrefix(os.Getenv("AWS_ENDPOINT_URL_S3"), "http://")
	client, err := minio.New(store, &minio.Options{Creds: imds, Region: "us-east-1"})
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		buckets, err := client.ListBuckets(context.Background())
		if err != nil {
			fmt.Println("error", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok", len(buckets), "buckets")
		}
	}
}
