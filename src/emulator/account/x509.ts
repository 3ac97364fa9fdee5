// The only import of @peculiar/x509, which throws unless reflect-metadata was loaded first.
import 'reflect-metadata';

export * as x509 from '@peculiar/x509';
