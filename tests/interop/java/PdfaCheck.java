import java.io.FileInputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** Says of each file whether veraPDF takes it for PDF/A-3b, and if not, why. */
public class PdfaCheck {
  public static void main(String[] files) throws Exception {
    VeraGreenfieldFoundryProvider.initialise();
    var flavour = PDFAFlavour.PDFA_3_B;
    for (String file : files) {
      try (var parser =
          Foundries.defaultInstance().createParser(new FileInputStream(file), flavour)) {
        var result = Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
        System.out.println(result.isCompliant() ? "compliant" : "not compliant");
        for (var test : result.getTestAssertions()) {
          if (test.getStatus() == TestAssertion.Status.FAILED) {
            System.out.println("  " + test.getRuleId() + " " + test.getMessage());
          }
        }
      }
    }
  }
}
