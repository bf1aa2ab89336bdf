package oversight

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"anteroom/hooks/kernel"
)

// bucket is a place outside of this machine. Only this file knows what kind it is.
type bucket interface {
	put(ctx context.Context, key string, body []byte) error
}

type s3Bucket struct {
	client *s3.Client
	name   string
}

func bucketFor(cfg kernel.S3Config, name string) bucket {
	options := s3.Options{
		Region:       cfg.Region,
		UsePathStyle: cfg.PathStyle,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: cfg.AccessKey, SecretAccessKey: cfg.Secret}, nil
		}),
		// checksums that S3 added in 2024 are refused by older servers that speak its protocol
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	}
	if cfg.Endpoint != "" {
		options.BaseEndpoint = aws.String(cfg.Endpoint)
	}
	return s3Bucket{s3.New(options), name}
}

func (b s3Bucket) put(ctx context.Context, key string, body []byte) error {
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(b.name), Key: aws.String(key), Body: bytes.NewReader(body),
		ContentType: aws.String("text/plain; charset=utf-8")})
	return err
}
