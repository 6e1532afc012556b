"""What plug-in authors test with: contract suites, fake machines and fixture trees. Needs nothing but joulewise."""
