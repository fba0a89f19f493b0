"""Sign in with Unified: the OpenID Connect provider, which is allauth's made stricter.

`asking` is the page for people, `views` are the endpoints for apps, `grants` decides who gets which token, `clients`
are the apps' registrations, `keys` the key that signs, `adapter` what is said about a person. What a token opens is the
business of `accounts.access_tokens`."""
