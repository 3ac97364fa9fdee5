const REGION = 'eu-central-1';

/** A root CA in moto. */
export async function privateAuthority(
  url: string,
  accountId = '111122223333',
): Promise<{ readonly arn: string; readonly certificate: string }> {
  const call = async (operation: string, input: object): Promise<Record<string, string>> => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `ACMPrivateCA.${operation}`,
        'x-moto-account-id': accountId,
        authorization: `AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261130/${REGION}/acm-pca/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(input),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${operation}: ${text}`);
    return (text === '' ? {} : JSON.parse(text)) as Record<string, string>;
  };
  const { CertificateAuthorityArn: arn = '' } = await call('CreateCertificateAuthority', {
    CertificateAuthorityType: 'ROOT',
    CertificateAuthorityConfiguration: {
      ...{ KeyAlgorithm: 'RSA_2048', SigningAlgorithm: 'SHA256WITHRSA' },
      Subject: { CommonName: 'Example Device CA' },
    },
  });
  const { Csr = '' } = await call('GetCertificateAuthorityCsr', { CertificateAuthorityArn: arn });
  const { CertificateArn } = await call('IssueCertificate', {
    CertificateAuthorityArn: arn,
    Csr: Buffer.from(Csr).toString('base64'),
    SigningAlgorithm: 'SHA256WITHRSA',
    TemplateArn: 'arn:aws:acm-pca:::template/RootCACertificate/V1',
    Validity: { Type: 'DAYS', Value: 3650 },
  });
  const { Certificate = '' } = await call('GetCertificate', { CertificateAuthorityArn: arn, CertificateArn });
  const imported = { CertificateAuthorityArn: arn, Certificate: Buffer.from(Certificate).toString('base64') };
  await call('ImportCertificateAuthorityCertificate', imported);
  return { arn, certificate: Certificate };
}
